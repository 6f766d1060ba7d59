// All that this service worker does: it shows that mail has come, and opens the webmail.  It keeps no pages and sees no requests.
addEventListener("install", () => skipWaiting());
addEventListener("push", event => event.waitUntil(registration.showNotification(WORDS.title, WORDS.rest)));
addEventListener("notificationclick", event => {
  event.notification.close();
  event.waitUntil((async () => {
    const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
    const open = pages.find(page => page.url.startsWith(registration.scope));
    return open ? open.focus() : clients.openWindow(registration.scope);
  })());
});
