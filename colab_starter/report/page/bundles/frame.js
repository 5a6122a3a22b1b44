(() => {
  // links.js
  var XLINK = "http://www.w3.org/1999/xlink";
  var readAddress = (element) => element.getAttribute?.("href") || element.getAttributeNS?.(XLINK, "href");
  for (const link of document.getElementsByTagName("g")) {
    const address = readAddress(link);
    if (!address)
      continue;
    link.setAttribute("role", "link");
    link.setAttribute("tabindex", "0");
    link.setAttribute("title", address);
  }
  function follow(event) {
    const address = event.composedPath().map(readAddress).find(Boolean);
    if (!address)
      return;
    event.preventDefault();
    if (address.startsWith("#")) {
      document.getElementById(decodeURIComponent(address.slice(1)))?.scrollIntoView();
    } else
      parent.postMessage({ address }, "*");
  }
  for (const kind of ["click", "auxclick"])
    addEventListener(kind, follow, true);
  addEventListener("keydown", (event) => event.key === "Enter" && follow(event), true);

  // failed_cell.js
  var failed = document.querySelector(".failed-cell");
  if (failed) {
    const error = failed.querySelector(".output_error") ?? failed;
    const observer = new ResizeObserver(() => error.scrollIntoView({ block: "center" }));
    for (const element of [document.documentElement, document.body])
      observer.observe(element);
    const leave = () => observer.disconnect();
    for (const kind of ["wheel", "touchstart", "pointerdown", "keydown"]) {
      addEventListener(kind, leave, { passive: true });
    }
  }
})();
