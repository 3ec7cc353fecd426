/** Browser storage. If the browser denies it, nothing is stored and the page works without it. */

type Area = "localStorage" | "sessionStorage";

export function load(area: Area, key: string): string {
  try {
    return window[area].getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Stores a text; an empty text removes the entry. */
export function save(area: Area, key: string, text: string): void {
  try {
    if (text) window[area].setItem(key, text);
    else window[area].removeItem(key);
  } catch {
    // Denied, or the quota is exceeded.
  }
}
