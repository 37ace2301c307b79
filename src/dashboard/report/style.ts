/** The report's style sheet: one column on a phone, two on a desk, light and dark by the reader's setting, printable. */
import { chartStyle } from '../charts/style.ts'

export const style = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2126; --soft: #5c6570; --line: #dfe2e6;
  --k0: #1f5fbf; --k1: #b4540a; --k2: #6a3fb5; --k3: #17693a; --k4: #9c2323;
  --good: #17693a; --good-back: #e2f3e8; --bad: #9c2323; --bad-back: #fbe7e6;
  --mid: #7a5a00; --mid-back: #fbf1d6; --quote: #f3f4f6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1b1f24; --ink: #e6e8eb; --soft: #9aa4b0; --line: #333a42;
    --k0: #7fb0ff; --k1: #ffae66; --k2: #c3a5ff; --k3: #86d9a4; --k4: #f5a09b;
    --good: #86d9a4; --good-back: #1c3626; --bad: #f5a09b; --bad-back: #40211f;
    --mid: #ecd07f; --mid-back: #3a3119; --quote: #22272d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
h4 { font-size: .85rem; margin: .8rem 0 .35rem; color: var(--soft); font-weight: 600; }
p { margin: .4rem 0; }
.soft, figcaption, caption { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; color: var(--soft); margin: 0; padding: 0; list-style: none; }
.facts b { color: var(--ink); font-weight: 600; }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }
.grid > * { min-width: 0; }
.grid + .card, figure + .card { margin-top: 1rem; }
.scores { max-width: 520px; }
.card, figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem .9rem; }
figcaption { font-weight: 600; font-size: .9rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .3rem .55rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child, .words { text-align: left; }
td.words { white-space: normal; min-width: 11rem; }
th { font-weight: 600; color: var(--soft); }
${chartStyle}
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; background: var(--quote); border-radius: 6px;
  padding: .6rem .7rem; margin: 0 0 .8rem; max-height: 22rem; overflow-y: auto; }
.pill { display: inline-block; border-radius: 99px; padding: 0 .55rem; font-size: .8rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); background: var(--good-back); }
.bad { color: var(--bad); background: var(--bad-back); }
.mid { color: var(--mid); background: var(--mid-back); }
.none { color: var(--soft); border: 1px dashed var(--line); }
.candidates td:not(.words) { text-align: center; }
.candidates td.words { min-width: 15rem; width: 60%; overflow-wrap: anywhere; unicode-bidi: isolate; }
.candidates tr.chosen { box-shadow: inset 4px 0 var(--good); }
.candidates tr.rejected { box-shadow: inset 4px 0 var(--bad); }
.rubric td, .rubric th, .candidates thead th { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.rubric td, .rubric th[scope=row] { min-width: 5rem; }
.candidates thead th:not(.words) { text-align: center; min-width: 3rem; }
details { margin: .3rem 0; }
summary { cursor: pointer; }
summary:focus-visible, .text:focus-visible, .scroll:focus-visible { outline: 2px solid var(--k0); outline-offset: 2px; }
.example > summary { font-weight: 600; padding: .3rem 0; overflow-wrap: anywhere; }
.reasons { margin: .4rem 0 0; padding-left: 1.1rem; text-align: left; }
pre.config { overflow-x: auto; font-size: .85rem; }
@media print {
  body { background: #fff; font-size: 11px; }
  .text { max-height: none; }
  figure, .card, tr { break-inside: avoid; }
}
`
