// Anywidget's model interface over a state embedded in the page: what a notebook's kernel would hold.

class PageModel {
  constructor(state) {
    this.state = state;
    this.listeners = new Map(); // event -> set of callbacks
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    if (Object.is(this.state[name], value)) return;
    this.state[name] = value;
    for (const event of [`change:${name}`, "change"]) {
      for (const callback of [...(this.listeners.get(event) ?? [])]) callback();
    }
  }
  on(event, callback) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(callback);
  }
  off(event, callback) {
    this.listeners.get(event)?.delete(callback);
  }
  save_changes() {} // there is no kernel to tell
}

function mount(render, id) {
  const text = document.getElementById(`${id}-state`).textContent;
  const state = JSON.parse(text, (key, value) => {
    if (typeof value?.base64 !== "string") return value;
    const bytes = Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
    return new DataView(bytes.buffer);
  });
  render({ model: new PageModel(state), el: document.getElementById(id) });
}
