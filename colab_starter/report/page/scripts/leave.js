// Around the frame: shows where a link in the notebook leads, and lets the user decide.

const PROTOCOLS = ["http:", "https:", "mailto:", location.protocol];
const question = /** @type {HTMLDialogElement} */ (document.getElementById("leave"));
const link = question.querySelector("a");

addEventListener("message", (event) => {
  if (event.source !== document.querySelector("iframe").contentWindow) return;
  const address = readAddress(event.data.address);
  if (!address || question.open) return;
  link.href = question.querySelector("code").textContent = address.href;
  question.showModal();
});

function readAddress(text) {
  try {
    const address = new URL(text, location.href);
    return PROTOCOLS.includes(address.protocol) ? address : null;
  } catch {
    return null;
  }
}

link.addEventListener("click", () => question.close());
