// In the frame: what was a link (see markup.py) leads nowhere by itself; a click tells the page around the frame where
// it would lead.
const XLINK = "http://www.w3.org/1999/xlink";
const readAddress = (element) => element.getAttribute?.("href") || element.getAttributeNS?.(XLINK, "href");

for (const link of document.getElementsByTagName("g")) {
  const address = readAddress(link);
  if (!address) continue;
  link.setAttribute("role", "link");
  link.setAttribute("tabindex", "0");
  link.setAttribute("title", address);
}

function follow(event) {
  const address = event.composedPath().map(readAddress).find(Boolean);
  if (!address) return;
  event.preventDefault();
  if (address.startsWith("#")) {
    document.getElementById(decodeURIComponent(address.slice(1)))?.scrollIntoView();
  } else parent.postMessage({ address }, "*");
}

for (const kind of ["click", "auxclick"]) addEventListener(kind, follow, true);
addEventListener("keydown", (event) => event.key === "Enter" && follow(event), true);
