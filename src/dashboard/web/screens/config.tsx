/** The configuration: what differs from the default first, all of it on demand. */
import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { configTable } from '../../views/tables.ts'
import type { ConfigKey } from '../../views/wire.ts'
import { Card, Scroll } from '../parts.tsx'
import { Inline } from '../text.tsx'

export function ConfigCard({ config }: { config: readonly ConfigKey[] }): VNode {
  const [all, setAll] = useState(false)
  const shown = all ? config : config.filter(({ differs }) => differs)
  return (
    <Card title="Configuration">
      {config.length === 0 && <p class="soft">The run folder holds no configuration.</p>}
      <Scroll label="Configuration" table={configTable(shown)}>
        <table>
          <thead>
            <tr>
              <th scope="col">key</th>
              <th scope="col" class="words">
                value
              </th>
              <th scope="col" class="words">
                default
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ key, value, standard, differs }) => (
              <tr key={key} class={differs ? 'differs' : ''}>
                <th scope="row">
                  <code>{key}</code>
                </th>
                <td class="words">
                  <Inline text={written(value)} />
                </td>
                <td class="words">{standard === undefined ? '' : <Inline text={written(standard)} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <button type="button" onClick={() => setAll(!all)} aria-expanded={all}>
        {all ? 'Only what differs from the default' : `All ${config.length} keys`}
      </button>
    </Card>
  )
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
