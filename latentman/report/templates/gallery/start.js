// Everything together: what the address asks for, and then the clock.
const apply = () => {
  state = fromAddress();
  showFilters();
  showVariants();
  changed();
  if (state.frame !== null) goTo(state.frame);
  else showFrame();
};

prepareTools();
prepareClock();
prepareLarge();
for (const run of runs) {
  if (!run.canvas) continue;
  run.canvas.dataset.index = run.index;
  observer.observe(run.canvas);
}
if (!data.sheets.length) document.body.dataset.ready = "yes";
window.addEventListener("hashchange", apply);
window.addEventListener("resize", () => {
  element("stage").style.setProperty("--size", `${widthOf()}px`);
  showTools();
});
apply();
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
if (state.frame === null && !still && data.sheets.length) setPlaying(true);
