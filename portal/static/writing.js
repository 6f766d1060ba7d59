// A text that is kept while it is written, and names while one types.  Everything here has a way without it.
(() => {
  var doc = document, compose = doc.querySelector("#compose"), base = doc.querySelector(".mailframe").dataset.base;
  var one = (what, where) => where.querySelector(what);
  var all = (what, where) => [...where.querySelectorAll(what)];

  // Writing: kept every half minute when something changed, names while one types
  var kept = "", state = () => {
    return all("input[type=text],textarea,select", compose).map(field => field.value).join("\u0000");
  };
  kept = state();
  var place = one("#kept", doc);
  setInterval(() => {
    var now = state(), form = new URLSearchParams();
    if (now === kept || sending) return;
    new FormData(compose).forEach((value, name) => { if (typeof value === "string") form.append(name, value); });
    fetch(place.dataset.keep, { method: "POST", body: form }).then(answer => {
      if (!answer.ok || answer.redirected) throw 0;
      return answer.text();
    }).then(text => { place.innerHTML = text; kept = now; }).catch(() => {});
  }, place.dataset.every * 1000);
  var sending = false;
  compose.addEventListener("submit", () => sending = true);
  addEventListener("beforeunload", event => { if (!sending && state() !== kept) event.preventDefault(); });
  ["to", "cc", "bcc"].forEach(name => {
    var field = one("#" + name, compose), box = doc.createElement("div"), timer;
    if (!field) return;
    box.className = "choices"; box.setAttribute("role", "group"); box.setAttribute("aria-live", "polite");
    field.after(box);
    field.setAttribute("autocomplete", "off");
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        fetch(base + "people?q=" + encodeURIComponent(field.value))
          .then(answer => answer.ok ? answer.text() : "")
          .then(text => box.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes));
      }, 200);
    });
    box.addEventListener("click", event => {
      var choice = event.target.closest("button");
      if (!choice) return;
      var before = field.value.split(",").slice(0, -1).map(part => part.trim());
      field.value = before.concat(choice.dataset.address).join(", ") + ", ";
      box.replaceChildren();
      field.focus();
    });
  });
})();
