"""How the page of a report looks. Colours are named once for day and once for night; no meaning rests on colour alone."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5b626b; --paper: #fff; --line: #d5d9de; --alarm: #a32015;
    --done: #2e7d4f; --bad: #b3362b; --odd: #b06a10; --still: #6b7280; --now: #2563a8; --wait: #8a5fb0; --bright: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ea; --soft: #a2a9b3; --paper: #16181b; --line: #363b42; --alarm: #ff9a8d; --done: #4fae7a;
    --bad: #e2685c; --odd: #d99a3d; --still: #8b929c; --now: #5b9be0; --wait: #b48ede; --bright: #101214; }
}
body { margin: 0 auto; max-width: 75rem; padding: 1rem; background: var(--paper); color: var(--ink);
    font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
header p { margin: .2rem 0; color: var(--soft); }
header .state { color: var(--ink); font-weight: 600; }
.needs { border-left: 4px solid var(--alarm); padding-left: 1rem; margin-top: 1rem; }
.needs h2 { color: var(--alarm); margin-top: 0; }
ul { margin: 0; padding-left: 1.2rem; }
li { overflow-wrap: anywhere; }
code { font: 13px/1.4 ui-monospace, monospace; background: color-mix(in srgb, var(--line) 45%, transparent);
    padding: 0 .3em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem; border-bottom: 1px solid var(--line);
    max-width: 32rem; }
th, td { overflow-wrap: break-word; }
thead th { color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; }
.n { text-align: right; white-space: nowrap; }
svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; }
.agent { text-anchor: end; }
svg .tick { fill: var(--soft); text-anchor: middle; }
svg .in { fill: var(--bright); pointer-events: none; }
.grid { stroke: var(--line); fill: none; }
.gap { stroke: var(--alarm); stroke-dasharray: 4 3; fill: none; }
.mark { fill: var(--odd); stroke: var(--ink); stroke-width: .5; }
.done { fill: var(--done); }
.failed, .unchanged, .foreign, .not-accepted { fill: var(--bad); stroke: var(--ink); stroke-dasharray: 3 2; }
.crashed { fill: var(--bad); stroke: var(--ink); stroke-width: 1.5; }
.stalled { fill: var(--odd); stroke: var(--ink); stroke-dasharray: 1 2; }
.limit, .transient, .environment, .asked, .stopped { fill: var(--still); }
.under-way { fill: var(--now); }
.check { fill: none; stroke: var(--now); }
.integration { fill: none; stroke: var(--soft); stroke-dasharray: 2 2; }
.lock { fill: var(--wait); }
.answer { fill: var(--alarm); }
.stall { fill: var(--odd); }
.legend { font-size: 12px; color: var(--soft); margin: .2rem 0; }
.legend span { margin-right: 1rem; white-space: nowrap; }
.legend svg { width: 12px; height: 12px; vertical-align: -1px; margin-right: .35em; overflow: visible; }
@media print {
  :root { --ink: #000; --soft: #333; --paper: #fff; --line: #999; --alarm: #a00; --done: #2e7d4f; --bad: #b3362b;
    --odd: #b06a10; --still: #6b7280; --now: #2563a8; --wait: #8a5fb0; --bright: #fff; }
  body { max-width: none; font-size: 10pt; print-color-adjust: exact; }
  .wide { overflow: visible; }
  table { font-size: 8pt; }
  tr, svg { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
