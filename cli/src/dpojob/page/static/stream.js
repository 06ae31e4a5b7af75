// The newest state of a view, sent by the server whenever it changes.

let source = null;

export function follow(path, onView, onState) {
  source?.close();
  source = new EventSource(path);
  source.onmessage = (event) => {
    onState("live");
    onView(JSON.parse(event.data));
  };
  source.onopen = () => onState("live");
  source.onerror = () => onState("no connection: is `dpojob ui` still running?");
}
