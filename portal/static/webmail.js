// Keys and live lists.  Everything here has a way without it.
(() => {
  var doc = document, frame = doc.querySelector(".mailframe");
  if (!frame) return;
  var one = (what, where) => (where || doc).querySelector(what);
  var all = (what, where) => [...(where || doc).querySelectorAll(what)];

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
    j: () => one(".messages") ? step(1) : go("a[rel=next]"),
    k: () => one(".messages") ? step(-1) : go("a[rel=prev]"),
    x: () => { var row = rows()[at]; if (row) { var tick = one("input", row); tick.checked = !tick.checked; } },
    n: () => go(".write a"), c: () => go(".write a"),
    r: () => go('[data-key="r"]'), a: () => go('[data-key="a"]'), f: () => go('[data-key="f"]'),
    u: () => go("a[rel=up]"),
    e: () => press("archive"), "#": () => press("delete"), Delete: () => press("delete"),
    "!": () => press("junk"), s: () => press("flag"), m: () => press("read"),
    "/": () => one("#q").focus(),
    "?": () => location.href = frame.dataset.base + "settings#keys"
  };
  doc.addEventListener("keydown", event => {
    if (event.altKey || event.metaKey || event.ctrlKey) {
      if (event.key === "Enter" && event.ctrlKey && one("#compose")) go('[data-key="send"]');
      return;
    }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
    var todo = keys[event.key];
    if (todo) { event.preventDefault(); todo(); }
  });
  doc.addEventListener("focusin", event => {
    var row = event.target.closest && event.target.closest(".messages li");
    if (row) at = rows().indexOf(row);
  });

  // "Choose all" without a new page
  doc.addEventListener("click", event => {
    if (event.target.matches && event.target.matches("a.all")) {
      event.preventDefault();
      var ticks = all(".messages input"), on = ticks.some(tick => !tick.checked);
      ticks.forEach(tick => tick.checked = on);
    }
  });

  // Live: when told so, HTMX puts the list, the counts and the quota of now in their places; the list stays under a hand at work
  function refresh() {
    var list = one("#list"), busy = !list || one(".messages :checked") || one("details.how[open]") || list.contains(doc.activeElement);
    htmx.ajax("get", location.href, { target: "#notices", swap: "none", selectOOB: (busy ? "" : "#list,") + "#mailboxes,#quota" });
  }
  if (one("#list")) {
    var look = () => setInterval(refresh, 60000);
    if (window.EventSource) {
      var source = new EventSource(frame.dataset.live), waiting;
      source.addEventListener("change", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 150); });
      source.onerror = () => { if (source.readyState === 2) look(); };
      addEventListener("pagehide", () => source.close());
    } else look();
    doc.addEventListener("visibilitychange", () => { if (!doc.hidden) refresh(); });
  }
})();
