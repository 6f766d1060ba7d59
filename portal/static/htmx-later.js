// htmx weighs more than all the rest of a page: it is fetched when somebody comes to what it makes smoother, and kept for a year.
(function () {
  "use strict";
  var address = document.currentScript.dataset.htmx, signs = ["focusin", "pointerover", "input"];
  if (!address) return;
  function bring(event) {
    if (document.readyState !== "complete" || !event.target.closest(".tools, [hx-boost], [hx-get]")) return;
    signs.forEach(function (sign) { document.removeEventListener(sign, bring); });
    var script = document.createElement("script");
    script.src = address;
    script.onload = function () {  // what was typed meanwhile
      var field = document.activeElement;
      if (field.defaultValue !== field.value) field.dispatchEvent(new Event("input", { bubbles: true }));
    };
    document.head.append(script);
  }
  signs.forEach(function (sign) { document.addEventListener(sign, bring); });
})();
