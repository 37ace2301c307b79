/** A Python process with PyTorch (POP_PYTHON), asked line by line: bench/peers/torch_peer.py. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { hugePagesFor } from '../engine/huge-pages.ts'

const answerSchema = z.object({
  seconds: z.number().optional(),
  processorSeconds: z.number().optional(),
  loss: z.number().optional(),
  answers: z.array(z.array(z.number())).optional(),
  error: z.string().optional(),
})
export type PeerAnswer = z.infer<typeof answerSchema>

export class TorchPeer {
  private readonly child: ChildProcess
  private readonly lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>) {
    this.child = child
    this.lines = lines
  }

  /** With its memory in huge pages, or as people start it. Undefined where POP_PYTHON names no Python. */
  static start({ hugePages }: { hugePages: boolean }): TorchPeer | undefined {
    const python = process.env['POP_PYTHON']
    if (python === undefined) return undefined
    const script = new URL('torch_peer.py', import.meta.url).pathname
    const env = hugePages ? hugePagesFor(process.env) : process.env
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'], env })
    if (child.stdout === null) throw new Error('the peer has no output')
    return new TorchPeer(child, createInterface({ input: child.stdout })[Symbol.asyncIterator]())
  }

  async ask(command: Readonly<Record<string, unknown>>): Promise<PeerAnswer> {
    this.child.stdin?.write(`${JSON.stringify(command)}\n`)
    const line: IteratorResult<string, unknown> = await this.lines.next()
    if (line.done === true) throw new Error('the Python peer ended: run bench/peers/torch_peer.py by hand to see why')
    return answerSchema.parse(JSON.parse(line.value))
  }

  stop(): void {
    this.child.stdin?.end()
  }
}
