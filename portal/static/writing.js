// A text that is kept while it is written, and names while one types.  Everything here has a way without it.
(() => {
  var doc = document, compose = doc.querySelector("#compose"), base = doc.querySelector(".mailframe").dataset.base;
  var one = (what, where) => where.querySelector(what);
  var all = (what, where) => [...where.querySelectorAll(what)];

  // Writing: kept every half minute when something changed, names while one types
  var kept = "", state = () => {
    return all("input[type=text],.whole,textarea,select", compose).map(field => field.value).join("\u0000");
  };
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
  // Recipients: each that is whole stands before the field, to be removed or, by the backspace key, written anew
  ["to", "cc", "bcc"].forEach(name => {
    var field = one("#" + name, compose), box = doc.createElement("div"), timer;
    if (!field) return;
    var people = [], whole = doc.createElement("input"), list = doc.createElement("ul");
    whole.type = "hidden"; whole.name = name; whole.className = "whole";
    list.className = "chips"; list.setAttribute("aria-label", one("label[for=" + name + "]", compose).textContent);
    field.removeAttribute("name");
    field.before(whole, list);
    box.className = "choices"; box.setAttribute("role", "group"); box.setAttribute("aria-live", "polite");
    field.after(box);
    field.setAttribute("autocomplete", "off");
    var show = () => {
      whole.value = people.concat(field.value.trim() || []).join(", ");
      if (list.children.length !== people.length) list.replaceChildren(...people.map((person, at) => {
        var item = doc.createElement("li"), button = doc.createElement("button");
        button.type = "button"; button.textContent = "\u00d7";
        button.setAttribute("aria-label", place.dataset.remove + " " + person);
        button.addEventListener("click", () => { people.splice(at, 1); show(); field.focus(); });
        item.append(person, button);
        return item;
      }));
    };
    var take = all => {
      // a quote or a bracket that is still open hides commas; the sign at the end is of what is being typed
      var parts = (field.value + "\u0001").match(/(?:"[^"]*"?|<[^>]*>?|[^,])+/g).map(part => part.trim()).filter(part => part);
      var rest = parts.pop().slice(0, -1).trim();
      if (all && rest) parts.push(rest);
      if (all || parts.length) { people.push(...parts); field.value = all ? "" : rest; }
      show();
    };
    take(true);
    field.addEventListener("input", () => {
      take(false);
      clearTimeout(timer);
      timer = setTimeout(() => {
        fetch(base + "people?q=" + encodeURIComponent(field.value))
          .then(answer => answer.ok ? answer.text() : "")
          .then(text => box.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes));
      }, 200);
    });
    field.addEventListener("keydown", event => {
      if (event.key === "Enter" && !event.ctrlKey && field.value.trim()) { event.preventDefault(); take(true); }
      if (event.key === "Backspace" && !field.value && people.length) {
        event.preventDefault();
        field.value = people.pop();
        show();
      }
    });
    // who goes on to what stands around the field has not ended what is being typed
    field.addEventListener("blur", event => { if (!list.contains(event.relatedTarget)) take(true); });
    [box, list].forEach(part => part.addEventListener("mousedown", event => event.preventDefault()));
    box.addEventListener("click", event => {
      var choice = event.target.closest("button");
      if (!choice) return;
      field.value = choice.dataset.address;
      take(true);
      box.replaceChildren();
      field.focus();
    });
  });
  kept = state();
})();
