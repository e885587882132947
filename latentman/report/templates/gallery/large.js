// One run enlarged, next to the run it is compared with, and everything in which they differ.
let largeRun = null;
const largeRuns = () => (largeRun === null ? [] : [largeRun, ...(largePartner() ? [largePartner()] : [])]);
const largePartner = () => {
  const other = partnerOf(largeRun);
  return other && other !== largeRun && other.picture ? other : null;
};

// The mean absolute difference of the pictures of two canvases, in levels of 0 to 255.
const measured = (own, other, frame) => {
  const { width, height } = own.picture;
  const [a, b] = [own, other].map((run) => {
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copyFrame(context, run, frame);
    return context.getImageData(0, 0, width, height).data;
  });
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += Math.abs(a[i] - b[i]); // both opaque: alpha adds nothing
  return sum / (width * height * 3);
};

const paintLarge = (frame) => {
  if (largeRun === null) return;
  const [own, other] = [element("large-own"), element("large-other")];
  const partner = largePartner();
  paint(own.firstElementChild, largeRun, frame);
  const both = partner && paint(other.firstElementChild, partner, frame, true) && largeRun.picture && ready(largeRun.picture);
  element("measured").textContent = both
    ? `Mean absolute difference from ${state.reference} in this frame: ${measured(largeRun, partner, frame).toFixed(1)} of 255`
    : "";
};

const factsOf = (run) => {
  const list = make("dl");
  for (const key of data.keys) {
    if (valueOf(run, key.name) === undefined) continue;
    list.append(make("dt", {}, nameOf(key)), make("dd", {}, readable(valueOf(run, key.name))));
  }
  return list;
};

const showLarge = (run) => {
  largeRun = run;
  const [own, other] = [element("large-own"), element("large-other")];
  const partner = largePartner();
  const { prompt, seed } = data.rows[run.row];
  element("large-title").textContent = seed === "" ? prompt : `${prompt}, seed ${seed}`;
  for (const figure of [own, other]) {
    delete figure.firstElementChild.dataset.shown;
    figure.firstElementChild.hidden = figure === own && !run.picture;
  }
  own.firstElementChild.setAttribute("aria-label", run.label);
  own.lastElementChild.textContent = run.trouble ? `${data.variants[run.variant]}: ${run.trouble}` : data.variants[run.variant];
  other.hidden = partner === null;
  if (partner) {
    other.firstElementChild.setAttribute("aria-label", partner.label);
    other.lastElementChild.textContent = `${state.reference} (reference)`;
  }
  const link = make("a", { href: run.link }, "page of this run");
  element("large-text").replaceChildren(make("p", {}, link), factsOf(run));
  if (!element("large").open) {
    element("large-player").append(element("player"));
    element("large").showModal();
  }
  refresh();
};

const turn = (by) => {
  if (largeRun === null || !shownRuns.length) return;
  const place = shownRuns.indexOf(largeRun);
  showLarge(shownRuns[(place + by + shownRuns.length) % shownRuns.length]);
};

const prepareLarge = () => {
  const dialog = element("large");
  for (const run of runs) run.card.querySelector(".open").addEventListener("click", () => showLarge(run));
  element("previous").addEventListener("click", () => turn(-1));
  element("next").addEventListener("click", () => turn(1));
  element("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    const left = largeRun;
    largeRun = null;
    element("home").append(element("player"));
    refresh();
    left.card.querySelector(".open").focus();
  });
  const canvas = element("large-own").firstElementChild;
  const drag = (event) => {
    if (state.mode !== "wipe" || !event.buttons) return;
    const { left, width } = canvas.getBoundingClientRect();
    state.wipe = Math.round(Math.min(100, Math.max(0, (100 * (event.clientX - left)) / width)));
    showTools();
    paintAll();
    keepAddress();
  };
  canvas.addEventListener("pointerdown", drag);
  canvas.addEventListener("pointermove", drag);
};
