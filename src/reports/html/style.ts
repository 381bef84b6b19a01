/** The report's style sheet: light and dark, screen and paper, nothing fetched. */
export const STYLE = `
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#1d1f24;--soft:#5b6170;--line:#d9d6cd;--accent:#1f4e79;--bad:#a3231c;--bad-soft:#f6e1df;--warn:#8a5a00;--warn-soft:#f7ecd2;--good:#2b6a3c;--good-soft:#e0efe3;--band:#1f4e7926}
@media (prefers-color-scheme:dark){:root{--paper:#14161a;--card:#1c1f25;--ink:#e8e6e1;--soft:#a3a9b6;--line:#343944;--accent:#86b7e6;--bad:#ff938a;--bad-soft:#41201e;--warn:#f0c069;--warn-soft:#3b2f16;--good:#8fd0a0;--good-soft:#1c3524;--band:#86b7e633}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
[hidden]{display:none!important}
body{overflow-wrap:break-word}h1,h2,h3,h4,p,li,summary,figcaption,dd{overflow-wrap:anywhere}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header.top,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
header.top{padding-top:1.1rem}
h1{font-size:1.45rem;margin:0;line-height:1.25;display:inline-block;margin-right:.8rem}.stamp{display:inline-block;font-size:.85rem;margin:0}.purpose{max-width:none;margin:.3rem 0}
h2{font-size:1.3rem;margin:3rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.6rem 0 .5rem}h4{font-size:1rem;margin:0 0 .5rem}
p{margin:.5rem 0;max-width:52rem}
a{color:var(--accent)}
a:focus-visible,summary:focus-visible,button:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:2}
.soft{color:var(--soft)}small{font-size:.9em}
code,pre,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:.86em}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;overflow-x:auto}
code{overflow-wrap:anywhere}
.synthetic{background:var(--warn-soft);color:var(--warn);border:1px solid currentColor;border-radius:6px;padding:.15rem .7rem;display:inline-block;font-weight:600;font-size:.92rem;margin:.2rem 0;max-width:none}
nav.contents{margin:.4rem 0 .6rem}nav.contents ul{list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1.05rem;padding:0;margin:0;font-size:.95rem}
.outcome{background:var(--card);border:1px solid var(--line);border-left:8px solid var(--soft);border-radius:10px;padding:.7rem 1.2rem;margin:.5rem 0 .8rem}.outcome p{max-width:none;margin:.35rem 0}
.outcome.exit-1{border-left-color:var(--bad)}.outcome.exit-2{border-left-color:var(--warn)}.outcome.exit-0{border-left-color:var(--good)}
.outcome h2{border:0;padding:0;margin:0;line-height:1.25}.outcome .word{font-size:1.55rem;font-weight:700}.outcome .label{color:var(--soft);font-size:.85rem;font-weight:600;letter-spacing:.05em;text-transform:uppercase;margin-right:.5rem}
.classes{display:flex;flex-wrap:wrap;gap:.25rem .8rem;align-items:baseline;font-size:.9rem}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),1fr));gap:.8rem;align-items:start}.columns .card{padding:.6rem 1rem;font-size:.94rem;line-height:1.45}.columns h3{margin:0 0 .2rem}.columns details{margin:.2rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem 1.2rem;margin:1rem 0;min-width:0}
.columns .card{margin:0}
.card h3{margin-top:0}ul{padding-left:1.2rem;margin:.3rem 0}li{margin:.25rem 0}td ul{padding-left:1rem}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);padding:.25rem 0 .4rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--line);white-space:nowrap}
thead th.wide{white-space:normal}td.number small{white-space:normal}tbody th{font-weight:600;min-width:11rem}tbody th,td.wide,th.wide{overflow-wrap:anywhere}
td.number,th.number{text-align:right;white-space:nowrap}
.tag{display:inline-block;border-radius:5px;padding:.05rem .5rem;font-size:.82rem;font-weight:600;border:1px solid currentColor;white-space:nowrap}
.bad{color:var(--bad);background:var(--bad-soft)}.warn{color:var(--warn);background:var(--warn-soft)}.good{color:var(--good);background:var(--good-soft)}.mute{color:var(--soft);background:transparent}
dl.facts{margin:.5rem 0}dl.facts div{display:grid;grid-template-columns:11rem 1fr;gap:0 1rem;padding:.1rem 0}dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;min-width:0;overflow-wrap:anywhere;max-width:52rem}
.pictures{display:flex;flex-wrap:wrap;gap:.8rem}.pictures figure{margin:0}.pictures img{width:136px;height:136px;object-fit:contain;image-rendering:pixelated;border:1px solid var(--line);display:block;background:#888}
figcaption{font-size:.85rem;color:var(--soft);max-width:52rem}.pictures figcaption{max-width:136px}
.beside{display:flex;flex-wrap:wrap;gap:1rem 2rem;align-items:flex-start}.beside>figure{flex:1 1 30rem;min-width:0;margin:.3rem 0}.exhibits{flex:1 1 27rem;min-width:0}.exhibit{padding:.2rem 0 .6rem}.exhibit p{font-size:.94rem}
details{margin:.5rem 0}summary{cursor:pointer;font-weight:600;padding:.2rem 0}summary .soft{font-weight:400;font-size:.92rem}details>details,div[id]>details{border-bottom:1px solid var(--line);margin:0;padding:.15rem 0}
svg{max-width:100%;height:auto;display:block}svg.map{width:100%;min-width:44rem}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
.map .boundary rect{fill:#8883;fill-opacity:.16;stroke:var(--soft);stroke-dasharray:6 4}
.map .boundary text{fill:var(--soft);font-weight:600}
.map .component rect{fill:var(--card);stroke:var(--ink);stroke-width:1.2}
.map .component text{text-anchor:middle}.map .component .kind{font-size:10px;fill:var(--soft)}.map .component .name{font-weight:600;font-size:11px}
.map .kind-model rect{stroke-width:2.4;stroke:var(--accent)}
.map .flow path{fill:none;stroke:var(--soft);stroke-width:1.3;marker-end:url(#arrow)}.map marker path{fill:var(--soft)}.map #arrow-lit path{fill:var(--bad)}
.map .flow.signed path{stroke-width:2.6}
.map.lit .flow,.map.lit .component{opacity:.28}.map.lit .lit{opacity:1}
.map.lit .flow.lit path{stroke:var(--bad);stroke-width:3;marker-end:url(#arrow-lit)}.map.lit .component.lit rect{stroke:var(--bad);stroke-width:3}
.map .mark{display:none}.map .mark.lit{display:inline}.map .mark text{text-anchor:middle;font-size:11px;font-weight:600;fill:var(--bad);paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.paths{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(24rem,100%),1fr));gap:.8rem;align-items:start}
.paths>li{margin:0;padding:.7rem 1rem;font-size:.94rem}.paths h3{font-size:1rem;margin:0 0 .3rem}.paths p{margin:.3rem 0}
.paths ol{list-style:none;margin:.3rem 0;padding:0}.paths ol li{display:inline}.paths ol li+li::before{content:" → ";content:" → "/" then ";color:var(--soft)}
.paths ol.legs{list-style:decimal;padding-left:1.4rem}.paths ol.legs li{display:list-item;margin:.15rem 0}.paths ol.legs li+li::before{content:none}
.lanes{max-width:none}.lanes .lane rect{fill:transparent}.lanes .lane.even rect{fill:#8882}.lanes .lane text{font-weight:600;fill:var(--soft)}
.lanes .link{fill:none;stroke:var(--soft);stroke-width:1.4}.lanes marker path{fill:var(--soft)}
.lanes .box rect{fill:var(--card);stroke:var(--soft);stroke-width:1.2}.lanes .box text{font-size:11px}.lanes .box .figure{font-weight:600}
.lanes .box.assumed rect{stroke:var(--warn);stroke-dasharray:5 3;stroke-width:1.6}.lanes .box.assumed .figure{fill:var(--warn)}.lanes .box.measured rect{stroke:var(--accent);stroke-width:2.4}.lanes .box.measured .figure{fill:var(--accent)}.lanes .box.open .figure{fill:var(--soft);font-weight:400}
.tornado .bar{stroke:var(--warn);stroke-width:1}.tornado .bar.measured{fill:var(--accent);stroke:var(--accent)}.tornado .assumed{fill:var(--warn-soft)}.tornado .hatch{stroke:var(--warn);stroke-width:3}.tornado .name{font-size:12px}
.paths button{font:inherit;font-size:.9rem;background:var(--paper);color:var(--accent);border:1px solid currentColor;border-radius:6px;padding:.2rem .7rem;cursor:pointer}
.paths button[aria-pressed=true]{color:var(--bad);background:var(--bad-soft)}.paths button[aria-pressed=true]::after{content:" – shown";content:" – shown"/""}
.chart .grid{stroke:var(--line)}.chart .tick,.chart .axis{fill:var(--soft);font-size:11px}
.chart .band{fill:var(--band)}.chart .line{fill:none;stroke:var(--accent);stroke-width:2.2}.chart .point{fill:var(--accent)}
.chart .budget{stroke:var(--ink);stroke-dasharray:3 3}.chart .threshold{stroke:var(--bad);stroke-width:1.6}.chart .threshold-label{fill:var(--bad)}
.chart .floor{fill:var(--good);opacity:.28}.chart .floor-label{fill:var(--good);font-weight:600}
.bracket .certified,.swatch.certified{fill:var(--good);background:var(--good)}.bracket .undecided,.swatch.undecided{fill:var(--warn);background:var(--warn)}.bracket .beaten,.swatch.beaten{fill:var(--bad);background:var(--bad)}.bracket .wrong,.swatch.wrong{fill:var(--soft);background:var(--soft)}.bracket rect{opacity:.85;stroke:var(--card);stroke-width:1}
.bracket .whisker{stroke:var(--ink);stroke-width:2}.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.85rem;color:var(--soft);margin:.2rem 0}.legend li{margin:0}.swatch{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.35rem;vertical-align:-.05rem;opacity:.85}
.risks .interval{stroke:var(--good);stroke-width:7;stroke-linecap:round;opacity:.75}.risks .open .interval{stroke:var(--warn)}.risks .missed .interval{stroke:var(--bad)}
.risks .untested .interval{stroke-dasharray:2 9}.risks .likely{fill:var(--ink)}.risks .criterion{stroke:var(--ink);stroke-width:2.4}
.wide{min-width:18rem}.nowrap{white-space:nowrap}
.chart{max-width:38rem}.chart.risks,.chart.tornado{width:100%;max-width:100%;min-width:46rem}figure{margin:1rem 0}
.strip{margin:.25rem 0}.strip .all{fill:var(--line)}.strip .unread{fill:var(--warn)}.strip .harm{fill:var(--bad)}
.matrix td details{margin:.1rem 0}.matrix td summary{font-weight:400;color:var(--soft)}.matrix td{min-width:9rem}.matrix td ul{list-style:none;padding:0;margin:.2rem 0}.matrix td li{margin:0}.matrix tbody th::first-letter{text-transform:uppercase}
.filter{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:.5rem 0}.filter input{font:inherit;padding:.3rem .6rem;border:1px solid var(--line);border-radius:6px;background:var(--card);color:var(--ink);width:18rem;max-width:100%}
footer{padding:2rem 1.25rem 3rem;color:var(--soft);border-top:1px solid var(--line);margin-top:3rem}
@media (max-width:40rem){body{font-size:15px}main,header.top,footer{padding-left:.9rem;padding-right:.9rem}dl.facts div{grid-template-columns:1fr;padding:.25rem 0}.wide{min-width:14rem}tbody th{min-width:8rem}}
@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#1f4e79;--bad:#8d1812;--bad-soft:#fff;--warn:#6b4700;--warn-soft:#fff;--good:#1d4f2b;--good-soft:#fff;--band:#1f4e7926}
html{font-size:9pt}body{font-size:1rem}main,header.top,footer{max-width:none;padding:0}nav.contents,.filter,.skip,.paths button{display:none}
h2,h3,h4,caption,summary{break-after:avoid}.card,figure,tr{break-inside:avoid}.card:has(table){break-inside:auto}thead{display:table-header-group}
details::details-content{content-visibility:visible;display:block;height:auto}summary{list-style:none}
.scroll{overflow:visible}table{font-size:.88rem}td,th{padding:.2rem .35rem}tbody th{min-width:6rem}.wide{min-width:10rem}.matrix td{min-width:0}thead th,td.number,th.number{white-space:normal}
.first .columns{display:block}.first .card{margin:.4rem 0}.columns details p{margin:.1rem 0}p,dl.facts dd,figcaption{max-width:none}
svg.map,.chart.risks,.chart.tornado{min-width:0}.lanes{max-width:100%;height:auto}.chart{max-height:12cm}a{color:inherit;text-decoration:none}@page{margin:14mm}}
`;
