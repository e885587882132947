"use strict";
// Every panel is a canvas; one clock decides which frame all of them show.
(() => {
  const clips = JSON.parse(document.getElementById("clips").textContent);
  const canvases = [...document.querySelectorAll("canvas[data-clip]")];
  const count = Math.max(1, ...clips.panels.map((frames) => frames.length));
  const play = document.getElementById("play");
  const scrub = document.getElementById("scrub");
  const speed = document.getElementById("speed");
  const where = document.getElementById("where");
  let playing = false;
  let position = 0;
  let before = null;

  const show = () => {
    const frame = Math.floor(position) % count;
    for (const canvas of canvases) {
      const pictures = canvas.pictures;
      const index = Math.min(frame, pictures.length - 1);
      if (canvas.shown !== index) {
        canvas.getContext("2d").drawImage(pictures[index], 0, 0, canvas.width, canvas.height);
        canvas.shown = index;
        canvas.dataset.frame = index;
      }
    }
    scrub.value = frame;
    where.textContent = `frame ${frame + 1} of ${count}`;
    document.body.dataset.frame = frame;
    for (const bar of document.querySelectorAll(".bar")) bar.classList.toggle("now", Number(bar.dataset.pair) === frame);
  };
  const tick = (now) => {
    if (!playing) return;
    if (before !== null) position = (position + ((now - before) / 1000) * clips.fps * Number(speed.value)) % count;
    before = now;
    show();
    requestAnimationFrame(tick);
  };
  const setPlaying = (on) => {
    playing = on;
    before = null;
    play.textContent = on ? "Pause" : "Play";
    if (on) requestAnimationFrame(tick);
  };
  const goTo = (frame) => {
    setPlaying(false);
    position = ((frame % count) + count) % count;
    show();
  };
  const step = (by) => goTo(Math.floor(position) + by);
  const fromAddress = () => {
    const wanted = /^#frame=(\d+)$/.exec(location.hash);
    if (wanted) goTo(Number(wanted[1]));
    return wanted !== null;
  };

  play.addEventListener("click", () => setPlaying(!playing));
  document.getElementById("back").addEventListener("click", () => step(-1));
  document.getElementById("forward").addEventListener("click", () => step(1));
  scrub.addEventListener("input", () => goTo(Number(scrub.value)));
  window.addEventListener("hashchange", fromAddress);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("select, pre")) return;
    const actions = {
      ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => goTo(0), End: () => goTo(count - 1),
      " ": () => setPlaying(!playing),
    };
    const onButton = event.key === " " && event.target.closest("button, summary, a");
    if (actions[event.key] && !onButton) {
      event.preventDefault();
      actions[event.key]();
    }
  });
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        getSelection().selectAllChildren(source);
        document.execCommand("copy");
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }

  const load = (address) => new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = reject;
    picture.src = address;
  });
  Promise.all(canvases.map(async (canvas) => {
    canvas.pictures = await Promise.all(clips.panels[Number(canvas.dataset.clip)].map(load));
  })).then(() => {
    show();
    document.body.dataset.ready = "yes";
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!fromAddress() && !still && canvases.length) setPlaying(true);
  });
})();
