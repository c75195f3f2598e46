/* Browsers refuse web workers on file://, where the search then stays silent. This stands in for
   one: the worker's script runs in a hidden frame that has what the search worker uses, the frame's
   own `postMessage` and `importScripts`. On http nothing happens. */
(function () {
  "use strict";
  if (location.protocol !== "file:") return;
  window.Worker = class FrameWorker extends EventTarget {
    constructor(url) {
      super();
      const address = new URL(url, document.baseURI).href, outer = this;
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      const inner = this.inner = frame.contentWindow;
      this.frame = frame;
      const load = (source) => new Promise((done, failed) => {
        const script = inner.document.createElement("script");
        script.src = source; script.onload = done; script.onerror = failed;
        inner.document.head.append(script);
      });
      // messages wait until the script has run; importScripts may load while a message is handled
      inner.importScripts = (...sources) =>
        sources.reduce((chain, source) => chain.then(() => load(new URL(source, address).href)), Promise.resolve());
      inner.postMessage = (data) => {
        const event = new MessageEvent("message", { data });
        outer.dispatchEvent(event);
        if (typeof outer.onmessage === "function") outer.onmessage(event);
      };
      this.ready = load(address).catch((error) => { outer.dispatchEvent(new Event("error")); throw error; });
    }
    postMessage(data) {
      this.ready.then(() => this.inner.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() { this.frame.remove(); }
  };
})();
