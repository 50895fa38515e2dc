/** The style sheet of a report; it loads no external resources. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f8; --paper: #fff; --ink: #1f2328; --faint: #5b636d; --line: #d9dde2; --sunk: #eef0f3;
  --error: #c62828; --warning: #d96b00; --info: #00838f; --fine: #2e7d32;
  --good: #8fb5de; --bad: #e08585; --open: #c3d3e6; --again: #f0b36b; --other: #c9ced5; --life: #dfe7ee;
  --heap: #4a86c8; --python: #f08a24; --rest: #9aa4af; --onbad: #fff;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --paper: #1d2126; --ink: #e4e7eb; --faint: #9da7b3; --line: #343b44; --sunk: #272d34;
    --error: #ef5350; --warning: #f5943b; --info: #4dc4d0; --fine: #6abf69;
    --good: #3f6c9c; --bad: #a13c3c; --open: #34485f; --again: #a9692a; --other: #4a525c; --life: #2c3641;
    --heap: #5b95d6; --python: #f0983f; --rest: #6d7783; --onbad: #14171b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: anywhere; }
main { max-width: 1100px; margin: 0 auto; padding: 24px 20px 40px; }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 32px 0 10px; font-size: 1.1rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: 4px 0 0; }
a { color: inherit; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .86em; }
.verdict + .panel { margin-top: 14px; }
.facts, .meta, .note, figcaption, .severity { color: var(--faint); }
.meta, .note, figcaption { font-size: .86rem; }
.verdict { margin-top: 12px; font-size: 1.05rem; font-weight: 600; }
.verdict.fine { color: var(--fine); }
.verdict.error { color: var(--error); }
.verdict.warning { color: var(--warning); }
.verdict.info { color: var(--info); }
.panel { padding: 14px 16px; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); }
.card { margin-bottom: 12px; padding: 12px 16px; border: 1px solid var(--line); border-left: 4px solid var(--info);
  border-radius: 6px; background: var(--paper); scroll-margin-top: 12px; }
.card.error { border-left-color: var(--error); }
.card.warning { border-left-color: var(--warning); }
.card:target { outline: 2px solid var(--heap); outline-offset: 2px; }
.card .severity { font-size: .86rem; font-weight: 400; }
.card .effects { margin: 4px 0 0; padding-left: 20px; color: var(--faint); }
.card .advice { margin: 8px 0 0; padding: 0; list-style: none; }
.card .advice li { position: relative; padding-left: 20px; }
.card .advice li::before { content: "→"; position: absolute; left: 0; color: var(--faint); }
.card .advice code { display: block; margin-top: 4px; padding: 5px 8px; border-radius: 4px; background: var(--sunk); white-space: pre-wrap; }
.card .meta { margin-top: 8px; }
.number { display: inline-block; min-width: 1.55em; margin-right: 8px; padding: 0 .35em; border-radius: 1em; background: var(--info);
  color: var(--onbad); font-size: .8rem; line-height: 1.55em; text-align: center; vertical-align: 1px; }
.number.error { background: var(--error); }
.number.warning { background: var(--warning); }
details { margin-top: 8px; padding-top: 6px; border-top: 1px solid var(--line); }
summary { cursor: pointer; font-size: .9rem; }
summary span { color: var(--faint); }
summary span::before { content: "· "; }
figure { margin: 8px 0 0; }
blockquote { margin: 0; }
pre { max-height: 16em; margin: 0; padding: 7px 9px; overflow: auto; border-radius: 4px; background: var(--sunk); white-space: pre-wrap; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; overflow-wrap: normal; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td:first-child { min-width: 7em; }
th { color: var(--faint); font-weight: 400; white-space: nowrap; }
.figure { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.when { white-space: nowrap; }
td.error, td.warning { font-weight: 600; }
td.error { color: var(--error); }
td.warning { color: var(--warning); }
td.info { color: var(--info); }

.chart { --label: 230px; --value: 64px; position: relative; }
.chart svg { display: block; width: 100%; overflow: visible; }
.chart .grid { position: absolute; top: 18px; left: var(--label); width: calc(100% - var(--label) - var(--value)); height: calc(100% - 18px); pointer-events: none; }
.chart .tick { stroke: var(--line); }
.chart .kill { stroke: var(--error); stroke-dasharray: 3 3; opacity: .75; }
.row { position: relative; display: grid; grid-template-columns: var(--label) minmax(0, 1fr) var(--value);
  grid-template-areas: "label track value"; align-items: center; padding: 2px 0; }
.row .label { grid-area: label; padding-right: 12px; overflow: hidden; color: var(--faint); font-size: .84rem; text-overflow: ellipsis; white-space: nowrap; }
.row.tall .label { white-space: normal; }
.row.tall .label b { display: block; }
.row .label b { color: var(--ink); font-weight: 500; }
.row .track { grid-area: track; }
.row .value { grid-area: value; color: var(--faint); font-size: .84rem; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.axis text { fill: var(--faint); font-size: 11px; font-variant-numeric: tabular-nums; }
.lane { margin-top: 12px; }
.lane h3 { position: relative; margin-bottom: 2px; font-size: .9rem; font-weight: 600; }
.bar.good { fill: var(--good); }
.bar.bad { fill: var(--bad); }
.bar.open { fill: var(--open); }
.bar.again { fill: var(--again); }
.bar.other { fill: var(--other); }
.bar.life { fill: var(--life); }
.area.heap { fill: var(--heap); }
.area.python { fill: var(--python); }
.area.rest { fill: var(--rest); }
.limit { fill: none; stroke: var(--ink); stroke-dasharray: 4 3; opacity: .6; vector-effect: non-scaling-stroke; }
.chart .mark { width: auto; overflow: visible; }
.mark path { fill: none; stroke: var(--paper); stroke-width: 1.6; }
.mark circle { fill: var(--faint); }
.mark.killed circle { fill: var(--error); }
.mark.lost circle { fill: var(--warning); }
circle.flag { fill: var(--info); }
circle.flag.error { fill: var(--error); }
circle.flag.warning { fill: var(--warning); }
text.flag { fill: var(--onbad); font-size: 11px; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-top: 12px; color: var(--faint); font-size: .84rem; }
.legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px; border-radius: 2px; vertical-align: -1px; }
.legend .good { background: var(--good); }
.legend .bad { background: var(--bad); }
.legend .open { background: var(--open); }
.legend .again { background: var(--again); }
.legend .other { background: var(--other); }
.legend .life { background: var(--life); }
.legend .heap { background: var(--heap); }
.legend .python { background: var(--python); }
.legend .rest { background: var(--rest); }
.legend .killed, .legend .lost, .legend .gone { border-radius: 50%; background: var(--faint); }
.legend .killed { background: var(--error); }
.legend .lost { background: var(--warning); }
.meter { margin-right: 6px; vertical-align: 1px; }
footer { margin-top: 32px; color: var(--faint); font-size: .86rem; }
section.application + section.application { margin-top: 40px; padding-top: 24px; border-top: 2px solid var(--line); }

@media (max-width: 640px) {
  main { padding: 16px 12px 28px; }
  .chart { --label: 0px; --value: 0px; }
  .row { grid-template-columns: minmax(0, 1fr) auto; grid-template-areas: "label value" "track track"; padding: 3px 0; }
  .row .label { padding-right: 8px; }
  .row.tall .label b { display: inline; }
  .axis .wide { display: none; }
  .summary thead { display: none; }
  .summary tr { display: block; padding: 8px 0; border-bottom: 1px solid var(--line); }
  .summary td { display: inline-block; padding: 0 12px 0 0; border: 0; overflow-wrap: anywhere; }
  .summary td:nth-child(4)::before { content: "Findings: "; color: var(--faint); }
  .summary td:first-child, .summary td:last-child { display: block; }
  .card, .panel { padding: 10px 12px; }
}
@media print {
  :root { color-scheme: light; --page: #fff; font-size: 11px; }
  body { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  .card, .row, figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  pre { max-height: none; }
  details::details-content { content-visibility: visible; display: block; }
}
`;
