/* Which language is shown: that of the browser at first, then the reader's choice. Nothing is stored. */

import { currentLang, el, relabel } from "./dom";
import { type Lang, words } from "./words";

const TITLE = words("Check an evidence package", "核验证据包");

export function choose(lang: Lang): void {
  document.documentElement.lang = lang === "en" ? "en" : "zh-Hans";
  document.title = TITLE[lang];
  for (const one of document.querySelectorAll("[data-lang]")) {
    one.setAttribute("aria-pressed", String(one.getAttribute("data-lang") === lang));
  }
  relabel(lang);
}

/** The first language of the browser that is one of the two; English when none is. */
export function preferred(languages: readonly string[]): Lang {
  for (const one of languages) {
    if (/^zh\b/i.test(one)) {
      return "zh";
    }
    if (/^en\b/i.test(one)) {
      return "en";
    }
  }
  return "en";
}

export function languageSwitch(): HTMLElement {
  const made = (lang: Lang, name: string, tag: string): HTMLElement => {
    const one = el("button", { type: "button", "data-lang": lang, "aria-pressed": String(currentLang() === lang) });
    one.lang = tag;
    one.textContent = name;
    one.addEventListener("click", () => choose(lang));
    return one;
  };
  return el("div", { class: "bar", role: "group", "aria-label": words("Language", "语言") }, made("en", "English", "en"), made("zh", "中文", "zh-Hans"));
}
