// Elements from data, and a document that is changed only where the data changed.
// Text from the cluster only ever becomes text nodes and attribute values.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "width") element.style.width = value;
    else if (name === "checked") element.checked = true;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (child instanceof Node) element.append(child);
    else if (child !== null && child !== undefined && child !== false) element.append(String(child));
  }
}

// Makes the children of `parent` equal to `children`, keeping elements that stay: focus, scrolling, open
// details and charts outlive an update. Elements with the same data-key are the same element.
export function update(parent, ...children) {
  const focused = document.activeElement;
  const fresh = document.createElement("div");
  append(fresh, children);
  morphChildren(parent, fresh);
  if (focused && focused !== document.activeElement && parent.contains(focused)) focused.focus();
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);

function morphChildren(old, fresh) {
  const keyed = new Map();
  for (const child of old.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  let cursor = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next);
    const unkeyed = cursor && !key && !keyOf(cursor) && cursor.nodeName === next.nodeName;
    const match = key ? keyed.get(key) : unkeyed ? cursor : null;
    if (!match || match.nodeName !== next.nodeName) {
      old.insertBefore(next, cursor);
      continue;
    }
    if (match === cursor) cursor = cursor.nextSibling;
    else old.insertBefore(match, cursor);
    morph(match, next);
  }
  while (cursor) {
    const following = cursor.nextSibling;
    cursor.remove();
    cursor = following;
  }
}

function morph(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name, value } of [...next.attributes]) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    const kept = name === "style" || (name === "open" && old.nodeName === "DETAILS");
    if (!kept && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  if (old.hasAttribute("data-chart")) return; // Its content is drawn by charts.js.
  if (old.style.width !== next.style.width) old.style.width = next.style.width;
  if (old.nodeName === "INPUT") {
    if (old.type === "checkbox") old.checked = next.checked;
    return;
  }
  morphChildren(old, next);
}
