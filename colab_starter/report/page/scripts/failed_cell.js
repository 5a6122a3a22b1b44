// In the frame: the page of a failed run opens at its error, and stays there while images and figures get their sizes,
// until the user moves.

const failed = document.querySelector(".failed-cell");
if (failed) {
  const error = failed.querySelector(".output_error") ?? failed;
  const observer = new ResizeObserver(() => error.scrollIntoView({ block: "center" }));
  for (const element of [document.documentElement, document.body]) observer.observe(element);
  const leave = () => observer.disconnect();
  for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    addEventListener(kind, leave, { passive: true });
  }
}
