// Word of new mail to this browser: asked for by a button, which is there where the browser can do it.
(() => {
  const form = document.querySelector("#push");
  if (!("serviceWorker" in navigator && "PushManager" in window && window.Notification)) return;
  const key = form.dataset.key.replace(/-/g, "+").replace(/_/g, "/");
  const octets = Uint8Array.from(atob(key), sign => sign.charCodeAt(0));
  const subscribe = async () => {
    const hub = (await navigator.serviceWorker.register(form.dataset.worker, { scope: form.dataset.scope })).pushManager;
    await navigator.serviceWorker.ready;
    const ask = () => hub.subscribe({ userVisibleOnly: true, applicationServerKey: octets });
    try {
      return await ask();
    } catch {  // subscribed with a key that this site had before
      await (await hub.getSubscription())?.unsubscribe();
      return ask();
    }
  };
  const add = (name, words) => {
    const part = document.createElement(name);
    part.textContent = words;
    form.append(part);
    return part;
  };
  add("button", form.dataset.button);
  document.querySelector("#push-cannot").remove();
  form.addEventListener("submit", async event => {
    event.preventDefault();
    try {
      if (await Notification.requestPermission() !== "granted") throw 0;
      form.elements.endpoint.value = (await subscribe()).endpoint;
      form.submit();
    } catch {
      form.querySelector("p")?.remove();
      const told = add("p", form.dataset.refused);
      told.className = "problem";
      told.setAttribute("role", "alert");
    }
  });
})();
