/* Makes elements. Everything that is said is a text node; nothing here or elsewhere in the page parses markup. */

import { visible } from "./visible";
import type { Lang, Words } from "./words";

export type Child = Node | string | Words | null | undefined | false | readonly Child[];
type Attributes = Readonly<Record<string, string | number | boolean | Words | null | undefined>>;

const LANG_TAG = { en: "en", zh: "zh-Hans" } as const;

export function currentLang(): Lang {
  return document.documentElement.lang === "en" ? "en" : "zh";
}

function isWords(value: unknown): value is Words {
  return typeof value === "object" && value !== null && "en" in value && "zh" in value;
}

/** Both languages of a text; the style sheet hides one. */
export function say(text: Words): DocumentFragment {
  const both = document.createDocumentFragment();
  for (const lang of ["en", "zh"] as const) {
    const span = document.createElement("span");
    span.lang = LANG_TAG[lang];
    span.textContent = text[lang];
    both.append(span);
  }
  return both;
}

/** A stranger's text: made visible, and kept from turning the direction of what stands around it. */
export function told(text: string, className = ""): HTMLElement {
  const bdi = document.createElement("bdi");
  bdi.dir = "ltr";
  bdi.className = className;
  bdi.textContent = visible(text);
  return bdi;
}

function put(target: Node, child: Child): void {
  if (child === null || child === undefined || child === false) {
    return;
  }
  if (typeof child === "string") {
    target.appendChild(document.createTextNode(child));
  } else if (child instanceof Node) {
    target.appendChild(child);
  } else if (isWords(child)) {
    target.appendChild(say(child));
  } else {
    for (const one of child) {
      put(target, one);
    }
  }
}

function set(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) {
      continue;
    }
    if (isWords(value)) {
      name_(target, name, value);
    } else {
      target.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

/** An attribute in both languages: `relabel` writes the chosen one. */
function name_(target: Element, attribute: string, text: Words): void {
  target.setAttribute("data-attribute", attribute);
  target.setAttribute("data-en", text.en);
  target.setAttribute("data-zh", text.zh);
  target.setAttribute(attribute, text[currentLang()]);
}

/** After a switch of the language: attributes such as aria-label. */
export function relabel(lang: Lang): void {
  for (const one of document.querySelectorAll("[data-attribute]")) {
    one.setAttribute(one.getAttribute("data-attribute") ?? "", one.getAttribute(`data-${lang}`) ?? "");
  }
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  set(made, attributes);
  put(made, children);
  return made;
}

export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(made, attributes);
  put(made, children);
  return made;
}

/** Replaces everything in `target`. */
export function fillWith(target: Element, ...children: Child[]): void {
  target.replaceChildren();
  put(target, children);
}

export function button(text: Words, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

/** A table with a caption for screen readers and header cells with scopes. */
export function table(caption: Words, heads: readonly Child[], rows: readonly (readonly Child[])[], className = ""): HTMLElement {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      { class: className },
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell))))),
    ),
  );
}
