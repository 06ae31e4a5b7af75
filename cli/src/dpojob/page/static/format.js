// Numbers, times and amounts as text.

export const UNKNOWN = "–";

export function figure(value, digits = 3) {
  if (value === null || value === undefined) return UNKNOWN;
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 1e6) ? value.toExponential(2) : value.toFixed(digits);
}

export const count = (value) =>
  value === null || value === undefined ? UNKNOWN : value.toLocaleString("en");

export const share = (value) =>
  value === null || value === undefined ? UNKNOWN : `${(100 * value).toFixed(1)}%`;

export const amount = (value, currency) =>
  value === null || value === undefined ? UNKNOWN : `${value} ${currency}`.trim();

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    if (left >= size) parts.push(`${Math.floor(left / size)}${unit}`);
    left %= size;
  }
  return parts.slice(0, 2).join("") || "0s";
}

export function ago(moment) {
  const time = Date.parse(moment);
  return Number.isNaN(time) ? UNKNOWN : `${duration((Date.now() - time) / 1000)} ago`;
}

export const value = (any) =>
  any === null || any === undefined ? UNKNOWN : typeof any === "object" ? JSON.stringify(any) : String(any);
