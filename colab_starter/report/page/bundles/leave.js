(() => {
  // leave.js
  var PROTOCOLS = ["http:", "https:", "mailto:", location.protocol];
  var question = document.getElementById("leave");
  var link = question.querySelector("a");
  addEventListener("message", (event) => {
    if (event.source !== document.querySelector("iframe").contentWindow)
      return;
    const address = readAddress(event.data.address);
    if (!address || question.open)
      return;
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
})();
