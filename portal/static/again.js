// Rows that are asked for anew while somebody waits: <div data-again="5" data-from="/address">.  Without this a link does it.
(function () {
  "use strict";
  var place = document.querySelector("[data-again]");
  setInterval(function () {
    if (document.hidden) return;
    fetch(place.dataset.from, { credentials: "same-origin", headers: { "HX-Request": "true" } }).then(function (answer) {
      if (!answer.ok || answer.redirected) throw 0;
      return answer.text();
    }).then(function (text) {
      if (text.trim() !== place.innerHTML.trim()) place.innerHTML = text;
    }).catch(function () {});
  }, place.dataset.again * 1000);
})();
