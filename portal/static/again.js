// Rows that are asked for anew while somebody waits and is not among them: <div data-again="5" data-from="/address">, or else
// from the page's own address.  Without this a link does it.
(function () {
  "use strict";
  var place = document.querySelector("[data-again]"), fresh = document.createElement("div");
  setInterval(function () {
    if (document.hidden || place.contains(document.activeElement)) return;
    fetch(place.dataset.from || location.href, { credentials: "same-origin", headers: { "HX-Request": "true" } }).then(function (answer) {
      if (!answer.ok || answer.redirected) throw 0;
      return answer.text();
    }).then(function (text) {
      fresh.innerHTML = text;
      if (fresh.innerHTML.trim() !== place.innerHTML.trim()) place.innerHTML = text;
    }).catch(function () {});
  }, place.dataset.again * 1000);
})();
