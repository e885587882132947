// One clock decides which frame all runs show.
let playing = false;
let position = 0;
let before = null;
const frameNow = () => Math.floor(position) % count;

const showFrame = () => {
  const frame = frameNow();
  paintAll();
  element("scrub").value = frame;
  element("scrub").setAttribute("aria-valuetext", `frame ${frame + 1} of ${count}`);
  element("where").textContent = `frame ${frame + 1} of ${count}`;
  document.body.dataset.frame = frame;
};
const tick = (now) => {
  if (!playing) return;
  if (before !== null) position = (position + ((now - before) / 1000) * data.fps * state.speed) % count;
  before = now;
  if (Number(document.body.dataset.frame) !== frameNow()) showFrame();
  requestAnimationFrame(tick);
};
const setPlaying = (on) => {
  if (on === playing) return;
  playing = on;
  before = null;
  element("play").textContent = on ? "Pause" : "Play";
  state.frame = on ? null : frameNow();
  keepAddress();
  if (on) requestAnimationFrame(tick);
};
const goTo = (frame) => {
  setPlaying(false);
  position = ((frame % count) + count) % count;
  state.frame = frameNow();
  keepAddress();
  showFrame();
};
const step = (by) => goTo(frameNow() + by);

const KEYS = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => goTo(0), End: () => goTo(count - 1),
  " ": () => setPlaying(!playing), k: () => setPlaying(!playing), v: () => setMode("picture"),
  d: () => setMode(state.mode === "difference" ? "picture" : "difference"),
  f: () => setMode(state.mode === "flicker" ? "picture" : "flicker"),
  w: () => setMode(state.mode === "wipe" ? "picture" : "wipe"),
  "/": () => element("text").focus(), ",": () => turn(-1), ".": () => turn(1),
};

const prepareClock = () => {
  element("scrub").max = count - 1;
  element("player").hidden = !data.sheets.length;
  element("play").addEventListener("click", () => setPlaying(!playing));
  element("back").addEventListener("click", () => step(-1));
  element("forward").addEventListener("click", () => step(1));
  element("scrub").addEventListener("input", () => goTo(Number(element("scrub").value)));
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || !Object.hasOwn(KEYS, key) || !data.sheets.length) return;
    if (target.closest("select, input:not(#scrub, [type=checkbox])")) return;
    if (key === " " && target.closest("button, summary, a, input[type=checkbox]")) return;
    event.preventDefault();
    KEYS[key]();
  });
};
