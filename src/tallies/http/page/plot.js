// A bar plot of counts over time, drawn at the size it is shown at, so that its words keep theirs.
// The pointer chooses a bar, and so does one slider, for keys and screen readers.

import { html, svg } from "./dom.js";
import { count, windowTick, windowTitle } from "./format.js";

const compact = new Intl.NumberFormat("en-GB", { notation: "compact" });
const HEIGHT = 190;
const LEFT = 44;
const TOP = 8;
const FLOOR = 166;
const LABEL = 54; // pixels that a label below a bar needs

/** The distance of grid lines for counts up to `most`: 1, 2 or 5 times a power of ten. */
function gridStep(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 4) / 4));
  return power * [1, 2, 5, 10].find((factor) => factor * power * 4 >= most);
}

export class Plot {
  #frame = html("div", {});
  #value = html("p", { "aria-hidden": true });
  #slider = html("input", { type: "range", min: 0, "aria-label": "Amounts" });
  #points = [];
  #bars = [];
  #told;

  /** `told(n)` says an amount in words. */
  constructor(element, told) {
    this.#told = told;
    element.append(this.#value, this.#slider, this.#frame);
    this.#slider.addEventListener("input", () => this.#choose(this.#slider.valueAsNumber));
    for (const kind of ["pointermove", "pointerdown"]) {
      this.#frame.addEventListener(kind, ({ clientX }) => {
        const x = clientX - this.#frame.getBoundingClientRect().left - LEFT;
        this.#choose(Math.min(Math.max(Math.floor(x / this.#width), 0), this.#points.length - 1));
      });
    }
    new ResizeObserver(() => this.#draw()).observe(this.#frame);
  }

  /** Show points `{window, amount}`, oldest first. The newest is chosen at first. */
  show(points, title) {
    const last = points.length - 1;
    const same = last === this.#points.length - 1 && points[0].window === this.#points[0].window;
    this.#points = points;
    this.#slider.max = last;
    this.#slider.setAttribute("aria-label", title);
    if (!same) this.#slider.value = last;
    this.#draw();
  }

  /** The width of a bar with its gap, in pixels. */
  get #width() {
    return (this.#frame.clientWidth - LEFT) / this.#points.length;
  }

  #choose(at) {
    const { window, amount: n } = this.#points[at];
    this.#slider.value = at;
    this.#slider.setAttribute("aria-valuetext", `${windowTitle(window)}: ${this.#told(n)}`);
    this.#value.replaceChildren(html("b", {}, count(n)), ` ${windowTitle(window)}`);
    for (const [index, bar] of this.#bars.entries()) bar.classList.toggle("chosen", index === at);
  }

  #draw() {
    const width = this.#frame.clientWidth;
    if (!width || !this.#points.length) return;
    const amounts = this.#points.map((point) => point.amount);
    const [most, least] = [Math.max(...amounts), Math.min(0, ...amounts)];
    const step = gridStep(most - least);
    const bottom = Math.floor(least / step) * step;
    const top = Math.max(1, Math.ceil(most / step)) * step;
    const y = (n) => FLOOR - ((FLOOR - TOP) * (n - bottom)) / (top - bottom);
    const image = svg("svg", { width, height: HEIGHT, "aria-hidden": true });
    for (let n = bottom; n <= top; n += step) {
      image.append(
        svg("line", { x1: LEFT, x2: width, y1: y(n), y2: y(n) }),
        svg("text", { x: LEFT - 8, y: y(n) + 4, "text-anchor": "end" }, compact.format(n)),
      );
    }
    this.#bars = amounts.map((n, at) => this.#bar(at, y(Math.max(n, 0)), y(Math.min(n, 0))));
    image.append(...this.#bars, ...this.#labels());
    this.#frame.replaceChildren(image);
    this.#choose(this.#slider.valueAsNumber);
  }

  #bar(at, y, end) {
    const gap = Math.min(this.#width / 4, 6);
    const across = { x: LEFT + at * this.#width + gap / 2, width: this.#width - gap };
    return svg("g", {},
      svg("rect", { ...across, y: TOP, height: FLOOR - TOP, class: "back" }),
      svg("rect", { ...across, y, height: end - y, rx: 1.5 }),
    );
  }

  /** Dates below every so many-th bar, counted from the newest. */
  #labels() {
    const labels = [];
    const every = Math.ceil(LABEL / this.#width);
    for (let at = this.#points.length - 1; at >= 0; at -= every) {
      const middle = LEFT + (at + 0.5) * this.#width;
      const x = Math.min(middle, this.#frame.clientWidth - LABEL * 0.4);
      const label = windowTick(this.#points[at].window);
      labels.push(svg("text", { x, y: FLOOR + 18, "text-anchor": "middle" }, label));
    }
    return labels;
  }
}
