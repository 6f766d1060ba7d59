// Keys, live lists and names while writing.  Everything here has a way without it.
(function () {
  "use strict";
  var doc = document, frame = doc.querySelector(".mailframe");
  if (!frame) return;
  var one = function (what, where) { return (where || doc).querySelector(what); };
  var all = function (what, where) { return Array.prototype.slice.call((where || doc).querySelectorAll(what)); };

  // Keys
  var at = -1;
  function rows() { return all(".messages li"); }
  function step(by) {
    var list = rows();
    if (!list.length) return;
    at = Math.max(0, Math.min(list.length - 1, at + by));
    one("a", list[at]).focus();
  }
  function press(action) {
    var form = one("#messages") || one("#message");
    if (!form) return;
    if (form.id === "messages" && !one("li :checked", form) && at >= 0) one("input", rows()[at]).checked = true;
    var button = one('button[value="' + action + '"]', form);
    if (button) button.click();
  }
  function go(what) { var link = one(what); if (link) link.click(); }
  var keys = {
    j: function () { one(".messages") ? step(1) : go("a[rel=next]"); },
    k: function () { one(".messages") ? step(-1) : go("a[rel=prev]"); },
    x: function () { var row = rows()[at]; if (row) { var tick = one("input", row); tick.checked = !tick.checked; } },
    n: function () { go(".write a"); }, c: function () { go(".write a"); },
    r: function () { go('[data-key="r"]'); }, a: function () { go('[data-key="a"]'); }, f: function () { go('[data-key="f"]'); },
    u: function () { go("a[rel=up]"); },
    e: function () { press("archive"); }, "#": function () { press("delete"); }, Delete: function () { press("delete"); },
    "!": function () { press("junk"); }, s: function () { press("flag"); }, m: function () { press("read"); },
    "/": function () { one("#q").focus(); },
    "?": function () { location.href = frame.dataset.base + "settings#keys"; }
  };
  doc.addEventListener("keydown", function (event) {
    if (event.altKey || event.metaKey || event.ctrlKey) {
      if (event.key === "Enter" && event.ctrlKey && one("#compose")) go('[data-key="send"]');
      return;
    }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
    var todo = keys[event.key];
    if (todo) { event.preventDefault(); todo(); }
  });
  doc.addEventListener("focusin", function (event) {
    var row = event.target.closest && event.target.closest(".messages li");
    if (row) at = rows().indexOf(row);
  });

  // "Choose all" without a new page
  doc.addEventListener("click", function (event) {
    if (event.target.matches && event.target.matches("a.all")) {
      event.preventDefault();
      var ticks = all(".messages input"), on = ticks.some(function (tick) { return !tick.checked; });
      ticks.forEach(function (tick) { tick.checked = on; });
    }
  });

  // Live: when told so, the page is fetched anew and its list, counts and quota take their places
  function refresh() {
    if (doc.hidden || one(".messages :checked") || one("details.how[open]")) return;
    fetch(location.href, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok || answer.redirected) throw 0;
      return answer.text();
    }).then(function (text) {
      var page = new DOMParser().parseFromString(text, "text/html");
      ["nav.mailboxes", "#quota", one("#messages") ? "#messages" : ".empty", ".summary"].forEach(function (what) {
        var old = one(what), now = one(what, page);
        if (old && now && old.innerHTML !== now.innerHTML && !(what === "#messages" && old.contains(doc.activeElement))) old.replaceWith(now);
      });
      if (!one("#messages") && one("#messages", page)) location.reload();
      doc.title = page.title;
    }).catch(function () {});
  }
  if (one("main .views")) {
    var look = function () { setInterval(refresh, 60000); };
    if (window.EventSource) {
      var source = new EventSource(frame.dataset.live), waiting;
      source.addEventListener("change", function () { clearTimeout(waiting); waiting = setTimeout(refresh, 150); });
      source.onerror = function () { if (source.readyState === 2) look(); };
      addEventListener("pagehide", function () { source.close(); });
    } else look();
    doc.addEventListener("visibilitychange", function () { if (!doc.hidden) refresh(); });
  }

  // Writing: kept every half minute when something changed, names while one types
  var compose = one("#compose");
  if (!compose) return;
  var kept = "", state = function () {
    return all("input[type=text],textarea,select", compose).map(function (field) { return field.value; }).join("\u0000");
  };
  kept = state();
  var place = one("#kept");
  setInterval(function () {
    var now = state(), form = new URLSearchParams();
    if (now === kept || sending) return;
    new FormData(compose).forEach(function (value, name) { if (typeof value === "string") form.append(name, value); });
    fetch(place.dataset.keep, { method: "POST", body: form, credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok || answer.redirected) throw 0;
      return answer.text();
    }).then(function (text) { place.innerHTML = text; kept = now; }).catch(function () {});
  }, place.dataset.every * 1000);
  var sending = false;
  compose.addEventListener("submit", function () { sending = true; });
  addEventListener("beforeunload", function (event) { if (!sending && state() !== kept) event.preventDefault(); });
  ["to", "cc", "bcc"].forEach(function (name) {
    var field = one("#" + name, compose), box = doc.createElement("div"), timer;
    if (!field) return;
    box.className = "choices"; box.setAttribute("role", "group"); box.setAttribute("aria-live", "polite");
    field.after(box);
    field.setAttribute("autocomplete", "off");
    field.addEventListener("input", function () {
      clearTimeout(timer);
      timer = setTimeout(function () {
        fetch(frame.dataset.base + "people?q=" + encodeURIComponent(field.value), { credentials: "same-origin" })
          .then(function (answer) { return answer.ok ? answer.text() : ""; })
          .then(function (text) { box.replaceChildren.apply(box, new DOMParser().parseFromString(text, "text/html").body.childNodes); });
      }, 200);
    });
    box.addEventListener("click", function (event) {
      var choice = event.target.closest("button");
      if (!choice) return;
      var before = field.value.split(",").slice(0, -1).map(function (part) { return part.trim(); });
      field.value = before.concat(choice.dataset.address).join(", ") + ", ";
      box.replaceChildren();
      field.focus();
    });
  });
})();
