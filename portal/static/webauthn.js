// Security keys: the browser's answer goes into the form that asked.  Nothing else on these pages needs a script.
(() => {
  const octets = text => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const form = document.querySelector("form[data-webauthn]");
  if (!form || !window.PublicKeyCredential) return;
  const options = JSON.parse(form.dataset.options);
  options.challenge = octets(options.challenge);
  for (const list of [options.excludeCredentials, options.allowCredentials])
    for (const one of list || []) one.id = octets(one.id);
  if (options.user) options.user.id = octets(options.user.id);
  const field = form.querySelector("[name=response]");
  const ask = async more => {
    try {
      const found = await navigator.credentials[form.dataset.webauthn]({ publicKey: options, ...more });
      const response = { clientDataJSON: text(found.response.clientDataJSON) };
      for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"])
        if (found.response[name]) response[name] = text(found.response[name]);
      field.value = JSON.stringify({
        id: found.id, rawId: text(found.rawId), type: found.type, response, clientExtensionResults: {},
      });
    } catch {
      if (more) return;  // it was only offered
      field.value = "{}";  // the page says that it did not work
    }
    form.submit();
  };
  if ("offer" in form.dataset) {  // in the field of the user name, beside the password
    PublicKeyCredential.isConditionalMediationAvailable?.().then(can => can && ask({ mediation: "conditional" }));
    return;
  }
  form.addEventListener("submit", event => {
    if (field.value) return;
    event.preventDefault();
    ask();
  });
})();
