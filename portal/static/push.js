// Word of new mail to this browser: asked for by a button that is shown where the browser can do it.
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
  form.hidden = false;
  document.querySelector("#push-cannot").hidden = true;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    try {
      if (await Notification.requestPermission() !== "granted") throw 0;
      form.elements.endpoint.value = (await subscribe()).endpoint;
      form.submit();
    } catch {
      document.querySelector("#push-refused").hidden = false;
    }
  });
})();
