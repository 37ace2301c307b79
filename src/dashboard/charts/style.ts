/** How the shapes of a drawing look: a part of the report's style sheet and of the viewer's, whose colours it uses. */
export const chartStyle = `
.chart { display: block; width: 100%; height: auto; }
.chart text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.chart .value { fill: var(--ink); }
.chart .gridline { stroke: var(--line); }
.chart .break { stroke: var(--soft); stroke-dasharray: 2 3; }
.chart .cursor { stroke: var(--soft); }
.chart .line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.chart .link { fill: none; stroke: currentColor; stroke-width: 1.2; stroke-dasharray: 4 3; opacity: 0.6; }
.chart .whisker { fill: none; stroke: currentColor; stroke-width: 1.6; }
.chart .idle { fill: none; stroke: var(--line); stroke-width: 1.2; }
.dot, .area { fill: currentColor; }
.area { opacity: 0.8; }
.chart .point { fill: var(--k0); opacity: 0.75; }
.chart .point.good { fill: var(--good); opacity: 1; }
.chart .point.bad { fill: var(--bad); opacity: 1; }
.k0 { color: var(--k0); }
.k1 { color: var(--k1); }
.k2 { color: var(--k2); }
.k3 { color: var(--k3); }
.k4 { color: var(--k4); }
.legend { display: flex; flex-wrap: wrap; gap: 0.15rem 1rem; font-size: 0.82rem; margin: 0.2rem 0 0; color: var(--soft); }
.legend b { color: var(--ink); font-variant-numeric: tabular-nums; }
.key { width: 14px; height: 14px; margin-right: 0.35rem; vertical-align: -2px; }
`
