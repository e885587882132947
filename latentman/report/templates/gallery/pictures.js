// Sheets are decoded while their runs are near the window, and let go when they are not.
const bitmaps = new Map(); // sheet -> ImageBitmap, or a promise of one
const near = new Set(); // runs in sight or nearly so
const broken = new Set();

const decode = async (sheet) => {
  const picture = new Image();
  await new Promise((resolve, reject) => {
    picture.onload = resolve;
    picture.onerror = () => reject(new Error("a sheet of pictures cannot be decoded"));
    picture.src = sheet.source;
  });
  return createImageBitmap(picture);
};

const ready = (sheet) => (bitmaps.get(sheet) instanceof ImageBitmap ? bitmaps.get(sheet) : null);

const wanted = () => {
  const sheets = new Set();
  for (const run of [...near, ...largeRuns()]) {
    if (run.picture) sheets.add(run.picture);
    const partner = state.mode === "picture" ? null : partnerOf(run);
    if (partner?.picture) sheets.add(partner.picture);
  }
  return sheets;
};

const refresh = async () => {
  const sheets = wanted();
  for (const [sheet, bitmap] of bitmaps) {
    if (sheets.has(sheet) || !(bitmap instanceof ImageBitmap)) continue;
    bitmap.close();
    bitmaps.delete(sheet);
  }
  const loading = [];
  for (const sheet of sheets) {
    if (bitmaps.has(sheet) || broken.has(sheet)) continue;
    const promise = decode(sheet).then((bitmap) => bitmaps.set(sheet, bitmap), () => { broken.add(sheet); bitmaps.delete(sheet); });
    bitmaps.set(sheet, promise);
    loading.push(promise);
  }
  await Promise.all(loading);
  paintAll();
};

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const run = runs[Number(entry.target.dataset.index)];
    if (entry.isIntersecting) near.add(run);
    else {
      near.delete(run);
      entry.target.width = 1; // a canvas keeps its pixels as long as it has any
      delete entry.target.dataset.shown;
    }
  }
  refresh().then(() => { document.body.dataset.ready = "yes"; });
}, { rootMargin: "60% 20%" });

const copyFrame = (context, run, frame, part = 1) => {
  const { columns, width, height, count: frames } = run.picture;
  const index = Math.min(frame, frames - 1);
  const { width: right, height: bottom } = context.canvas;
  context.drawImage(ready(run.picture), (index % columns) * width, Math.floor(index / columns) * height, width * part, height, 0, 0, right * part, bottom);
};

// Draws a run's frame as the mode asks; `plain` draws it as it is. Returns whether its pictures were there.
const paint = (canvas, run, frame, plain = false) => {
  const mode = plain ? "picture" : state.mode;
  const other = mode === "picture" ? null : partnerOf(run);
  const paired = other?.picture && !broken.has(other.picture);
  if (!run.picture || !ready(run.picture) || (paired && !ready(other.picture))) return false;
  const shown = [frame, mode, paired ? other.index : "", state.gain, state.wipe, flickered].join(" ");
  if (canvas.dataset.shown === shown && canvas.width > 1) return true;
  if (canvas.width !== run.picture.width) canvas.width = run.picture.width;
  if (canvas.height !== run.picture.height) canvas.height = run.picture.height;
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "source-over";
  if (mode === "difference" && !paired) context.clearRect(0, 0, canvas.width, canvas.height);
  else copyFrame(context, mode === "flicker" && flickered && paired ? other : run, frame);
  if (mode === "difference" && paired) {
    context.globalCompositeOperation = "difference";
    copyFrame(context, other, frame);
    context.globalCompositeOperation = "lighter"; // each time doubles every value
    for (let gain = 1; gain < state.gain; gain *= 2) context.drawImage(canvas, 0, 0);
  }
  if (mode === "wipe" && paired && state.wipe > 0) {
    copyFrame(context, other, frame, state.wipe / 100);
    context.fillStyle = "#fff";
    if (state.wipe < 100) context.fillRect((canvas.width * state.wipe) / 100 - 1, 0, 2, canvas.height);
  }
  canvas.dataset.shown = shown;
  canvas.dataset.frame = Math.min(frame, run.picture.count - 1);
  canvas.classList.toggle("other", mode === "flicker" && flickered && Boolean(paired));
  return true;
};

const paintAll = () => {
  const frame = frameNow();
  for (const run of near) if (run.canvas) paint(run.canvas, run, frame);
  paintLarge(frame);
};

let flickered = false;
setInterval(() => {
  if (state.mode !== "flicker" && !flickered) return;
  flickered = state.mode === "flicker" && !flickered;
  paintAll();
}, 600);
