// What HTMX leaves to us: answers to what was pressed, typed, or asked for again by itself.  Without HTMX each is a page of its own.
(() => {
  if (!window.htmx) return;
  // mail stays with us, in no cache of the browser's
  Object.assign(htmx.config, {
    includeIndicatorStyles: false, scrollIntoViewOnBoost: false,
    historyCacheSize: 0, refreshOnHistoryMiss: true
  });
  var doc = document, notices = () => doc.querySelector("#notices");
  var on = (name, act) => doc.addEventListener("htmx:" + name, event => act(event.detail, event));
  var by = detail => (detail.requestConfig.triggeringEvent || {}).type;
  var pressed = detail => /^(submit|click)$/.test(by(detail));
  function say(words) {
    var line = doc.createElement("p");
    line.id = "error";
    line.textContent = words;
    notices().replaceChildren(line);
    notices().scrollIntoView({ block: "nearest" });
  }
  // a page in another language is a whole one
  doc.addEventListener("submit", event => {
    if ((event.submitter || {}).name === "switch-language") event.stopImmediatePropagation();
  }, true);
  // news wait while nobody looks, and are put under nobody's hands
  on("beforeRequest", (detail, event) => {
    if (!pressed(detail) && by(detail) !== "input" && (doc.hidden || detail.target.contains(doc.activeElement))) event.preventDefault();
  });
  // nor does anybody have to log in, or is an error shown, for what was not asked for
  on("beforeOnLoad", (detail, event) => {
    if (!pressed(detail) && (detail.xhr.status > 399 || detail.xhr.getResponseHeader("HX-Redirect"))) event.preventDefault();
  });
  // a form comes back with what is wrong in it; any other error stands above what was written, which stays
  on("beforeSwap", detail => {
    if (detail.xhr.status < 400) return;
    var page = new DOMParser().parseFromString(detail.xhr.responseText, "text/html"), error = page.querySelector("#error");
    if (!error && page.querySelector("#main")) detail.shouldSwap = true;
    else say(error ? error.textContent : notices().dataset.lost);
  });
  on("sendError", detail => { if (pressed(detail)) say(notices().dataset.lost); });
  on("afterSettle", detail => {
    if (!pressed(detail)) return;
    if (doc.activeElement === doc.body) doc.querySelector("#main").focus({ preventScroll: true });
    if (notices().children.length) notices().scrollIntoView({ block: "nearest" });
  });
})();
