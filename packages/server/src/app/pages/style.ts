/** The style of the server's own pages, for narrow and wide, light and dark. */

export const style = `
:root {
  --ground: #f7f5f0; --sheet: #fffdf9; --ink: #1d2327; --soft: #59626a; --line: #ddd8cc;
  --accent: #1f6a70; --good: #1d6b3c; --bad: #a4341f; --code: #f0ece2;
  --l1: #c9b48a; --l2: #7d8f8d; --l3: #2f7f86; --l4: #1d4a52;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181a; --sheet: #1b2124; --ink: #e6e8e6; --soft: #a3adb0; --line: #30393d;
    --accent: #6fc3c9; --good: #7fcf9c; --bad: #f0917d; --code: #232b2f;
    --l1: #e0cfa8; --l2: #93a5a3; --l3: #4aa3aa; --l4: #2f6d77;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { display: flex; align-items: center; gap: .6rem; padding-top: 1.5rem; font-weight: 650; letter-spacing: .01em; }
.mark { width: 1.6rem; height: 1.6rem; }
.l1 { fill: var(--l1); } .l2 { fill: var(--l2); } .l3 { fill: var(--l3); } .l4 { fill: var(--l4); }
h1 { font-size: clamp(1.7rem, 1.2rem + 2.2vw, 2.5rem); line-height: 1.15; margin: 2.2rem 0 .6rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.15rem; margin: 2.6rem 0 .8rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; }
p { margin: 0 0 .8rem; max-width: 42rem; }
.lead { color: var(--soft); font-size: 1.06rem; }
.state { display: inline-flex; align-items: center; gap: .45rem; font-weight: 600; color: var(--good); margin: 0 0 .4rem; }
.state::before { content: ""; width: .6rem; height: .6rem; border-radius: 50%; background: currentColor; }
.state.bad { color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; margin: 1.6rem 0 0; background: var(--line); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
.figures div { background: var(--sheet); padding: .9rem 1.1rem 1rem; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.figures dt { color: var(--soft); font-size: .88rem; }
.figures dd { margin: 0; font-size: clamp(1.4rem, 1.1rem + 1.2vw, 1.9rem); font-weight: 620; font-variant-numeric: tabular-nums; line-height: 1.25; }
.facts { margin: 1.2rem 0 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1.4rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
ol.steps { list-style: none; counter-reset: step; margin: 0; padding: 0; display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
ol.steps.one { grid-template-columns: minmax(0, 1fr); }
ol.steps li { counter-increment: step; background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem; padding: 1.1rem 1.2rem; }
ol.steps h3::before { content: counter(step) ". "; color: var(--accent); }
ol.steps p { color: var(--soft); }
ol.steps p:last-child { margin-bottom: 0; }
code { font: .92em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { margin: .7rem 0 .8rem; padding: .7rem .9rem; background: var(--code); border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: .18em; }
a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
footer { margin-top: 3rem; padding-top: 1.1rem; padding-bottom: 2.2rem; color: var(--soft); font-size: .92rem; }
footer ul { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: 0; padding: 1.1rem 0 0; border-top: 1px solid var(--line); }
footer a { display: inline-block; padding: .25rem 0; }
@media (max-width: 44rem) {
  .figures { grid-template-columns: repeat(2, 1fr); }
  ol.steps { grid-template-columns: minmax(0, 1fr); }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd { margin-bottom: .6rem; }
}
`
