/** The HTML report in a browser, as a reader meets it: from disk, by keyboard, by ear, in the dark, on paper, on a phone. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Assessment } from "#assessment/index.ts";
import { attackReport } from "#reports/html/attack.ts";
import { htmlReport } from "#reports/html/index.ts";
import { assessed } from "./support/assess.ts";
import { attacked } from "./support/attack.ts";

const CHROMIUM = "/usr/bin/chromium";
const NO_BROWSER = existsSync(CHROMIUM) ? undefined : `no browser at ${CHROMIUM}: the report was not opened in one`;
if (NO_BROWSER) console.warn(`skipped: ${NO_BROWSER}`);

const temporary = mkdtempSync(join(tmpdir(), "vauban-browser-"));
let browser: Browser;
let assessment: Assessment;
let url: string;
const pages: Page[] = [];
const asked: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  if (NO_BROWSER) return;
  const folder = resolve("examples/fixtures");
  // Names as long as people write them, and one that no line can break.
  const text = readFileSync(join(folder, "vauban.yaml"), "utf8")
    .replace("title: Inbox,", "title: Inbox of everything that anybody on any network cares to send to this sorter,")
    .replace("title: Anyone who sends a stroke", `title: ${"Anyone".repeat(12)}`);
  [assessment, browser] = await Promise.all([
    assessed(text, folder, { samples: 12, queries: 60 }),
    chromium.launch({
      executablePath: CHROMIUM,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"].concat([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ]),
    }),
  ]);
  const file = join(temporary, "report.html");
  writeFileSync(file, htmlReport(assessment));
  url = pathToFileURL(file).href;
}, 60_000);
afterEach(async () => {
  for (const page of pages.splice(0)) await page.context().close();
});
afterAll(async () => {
  await browser?.close();
  rmSync(temporary, { recursive: true, force: true });
});

async function opened(options: BrowserContextOptions = {}, at = url): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  pages.push(page);
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(at);
  return page;
}

/** Relative luminance contrast of WCAG 2.2 (SC 1.4.3) between text and what lies behind it, per element. */
const contrasts = (page: Page, selectors: readonly string[]): Promise<{ selector: string; ratio: number }[]> =>
  page.locator("html").evaluate((root, wanted) => {
    type Colour = [number, number, number, number];
    const styleOf = root.ownerDocument.defaultView!.getComputedStyle;
    const parsed = (css: string): Colour => {
      const [r = 0, g = 0, b = 0, a = 1] = css.match(/[\d.]+/g)!.map(Number);
      return [r, g, b, a];
    };
    const behind = (element: typeof root | null): Colour => {
      if (!element) return [255, 255, 255, 1];
      const [r, g, b, a] = parsed(styleOf(element).backgroundColor);
      if (a === 1) return [r, g, b, 1];
      const [r2, g2, b2] = behind(element.parentElement);
      return [r * a + r2 * (1 - a), g * a + g2 * (1 - a), b * a + b2 * (1 - a), 1];
    };
    const linear = (value: number): number =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]: Colour): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    return wanted.flatMap((selector) =>
      [...root.querySelectorAll(selector)].slice(0, 20).map((element) => {
        const style = styleOf(element);
        const ink = luminance(parsed("ownerSVGElement" in element ? style.fill : style.color)),
          paper = luminance(behind(element));
        return { selector, ratio: (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05) };
      }),
    );
  }, selectors);

const backgroundOf = (page: Page): Promise<string> =>
  page.locator("body").evaluate((body) => body.ownerDocument.defaultView!.getComputedStyle(body).backgroundColor);

/** What reaches beyond the page's right edge, by tag and first words. */
const overflowing = (page: Page): Promise<string[]> =>
  page.locator("html").evaluate((root) =>
    [...root.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
      .map((element) => `${element.tagName}: ${(element.textContent ?? "").trim().slice(0, 40)}`)
      .slice(0, 5),
  );

describe.skipIf(NO_BROWSER)("the HTML report in a browser", () => {
  test("screen-reader structure", async () => {
    const page = await opened();
    const found = await page.locator("html").evaluate((root) => {
      const all = (selector: string): (typeof root)[] => [...root.querySelectorAll(selector)];
      const named = (element: typeof root): boolean =>
        (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().length > 0;
      const withId = (id: string | null): typeof root | undefined => all("[id]").find((element) => element.id === id);
      const table = (element: typeof root): boolean =>
        [...element.querySelectorAll(":scope > caption")].some(named) &&
        [...element.querySelectorAll("th")].every((head) =>
          ["col", "row"].includes(head.getAttribute("scope") ?? ""),
        ) &&
        [...element.querySelectorAll("tbody tr")].every((row) => row.querySelector(':scope > th[scope="row"]'));
      return {
        language: root.getAttribute("lang"),
        title: root.querySelector("title")!.textContent,
        mains: all("main").length,
        banners: all("body > header").length,
        footers: all("body > footer").length,
        navigation: all("nav").map((nav) => nav.getAttribute("aria-label")),
        unnamedSections: all("section").filter(
          (section) => !withId(section.getAttribute("aria-labelledby"))?.textContent,
        ).length,
        headings: all("h1,h2,h3,h4,h5,h6").map((heading) => Number(heading.tagName[1])),
        emptyHeadings: all("h1,h2,h3,h4").filter((heading) => !named(heading)).length,
        tables: all("table").length,
        badTables: all("table").filter((element) => !table(element)).length,
        images: all("img").length,
        badImages: all("img").filter((image) => !image.getAttribute("alt")).length,
        drawings: all("svg").length,
        badDrawings: all("svg").filter(
          (svg) =>
            svg.getAttribute("role") !== "img" ||
            (svg.getAttribute("aria-labelledby") ?? "")
              .split(" ")
              .map((id: string) => withId(id))
              .some(
                (part: typeof root | undefined, i: number) =>
                  part?.tagName !== ["title", "desc"][i] || !part?.textContent,
              ),
        ).length,
        buttons: all("button").length,
        badButtons: all("button").filter((button) => !named(button) || button.getAttribute("aria-pressed") !== "false")
          .length,
        sameButtonNames: all("button").length - new Set(all("button").map((button) => button.ariaLabel)).size,
        badInputs: all("input").filter((input) => !input.closest("label")?.textContent.trim()).length,
        badScrollers: all("[tabindex]").filter((element) => element.tagName !== "PRE" && !element.ariaLabel).length,
        foldsWithoutSummary: all("details").filter((fold) => fold.firstElementChild?.tagName !== "SUMMARY").length,
      };
    });
    expect(found.language).toBe("en");
    expect(found.title).toContain(assessment.body.outcome.outcome);
    expect(found).toMatchObject({
      mains: 1,
      banners: 1,
      footers: 1,
      navigation: ["Contents"],
      unnamedSections: 0,
      emptyHeadings: 0,
      badTables: 0,
      badImages: 0,
      badDrawings: 0,
      badButtons: 0,
      sameButtonNames: 0,
      badInputs: 0,
      badScrollers: 0,
      foldsWithoutSummary: 0,
    });
    for (const many of ["tables", "images", "drawings", "buttons"] as const) expect(found[many]).toBeGreaterThan(1);
    expect(found.headings.filter((level) => level === 1)).toHaveLength(1);
    expect(found.headings[0]).toBe(1);
    for (const [i, level] of found.headings.entries())
      expect(level).toBeLessThanOrEqual((found.headings[i - 1] ?? 0) + 1);

    // The skip link is the first stop, shows itself there, and leads to the outcome.
    await page.keyboard.press("Tab");
    const skip = page.locator("a.skip");
    expect(await skip.evaluate((link) => link.matches(":focus"))).toBe(true);
    expect((await skip.boundingBox())!.x).toBeGreaterThanOrEqual(0);
    await page.keyboard.press("Enter");
    expect(new URL(page.url()).hash).toBe("#outcome");
  });

  test("lights a way on the map by keyboard, and turns it off again", async () => {
    const page = await opened();
    const button = page.locator(".paths button").first();
    await page.locator('[aria-label="Map of the system"]').focus();
    const reached = async (): Promise<boolean> => button.evaluate((element) => element.matches(":focus"));
    for (let stops = 0; stops < 20 && !(await reached()); stops++) await page.keyboard.press("Tab");
    expect(await reached()).toBe(true);
    const key = (await button.getAttribute("data-path"))!;
    const lit = (): Promise<string[]> =>
      page.$$eval("svg.map .lit", (parts) => parts.map((part) => part.getAttribute("class")!));
    expect(await lit()).toEqual([]);
    await page.keyboard.press("Enter");
    expect(await button.getAttribute("aria-pressed")).toBe("true");
    const parts = await lit();
    expect(parts.length).toBe(await page.locator(`svg.map .on-${key}`).count());
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) expect(part.split(" ")).toContain(`on-${key}`);
    expect(await page.locator("svg.map").getAttribute("class")).toBe("map lit");
    await page.keyboard.press("Enter");
    expect(await button.getAttribute("aria-pressed")).toBe("false");
    expect(await lit()).toEqual([]);
    expect(await page.locator("svg.map").getAttribute("class")).toBe("map");
  });

  test("filters folded lists and says how many are left", async () => {
    const page = await opened();
    const field = page.locator('[data-filters="threats-kept"]');
    const folds = page.locator("#threats-kept > details");
    const before = await folds.count();
    await field.locator("input").fill("evasion@sorter");
    const visible = await folds.evaluateAll((items) =>
      items.filter((item) => item.checkVisibility()).map(({ id }) => id),
    );
    expect(visible).toContain("threat-evasion@sorter");
    expect(visible.length).toBeLessThan(before);
    expect(await field.locator("[role=status]").textContent()).toMatch(/^\d+ of \d+ shown$/);
    await field.locator("input").fill("");
    expect(await folds.evaluateAll((items) => items.filter((item) => item.checkVisibility()).length)).toBe(before);
  });

  test("opens the fold that a link leads into", async () => {
    const page = await opened();
    const target = page.locator('[id="threat-evasion@sorter"]');
    expect(await target.getAttribute("open")).toBeNull();
    await page.goto(`${url}#threat-evasion@sorter`);
    await page.locator('[id="threat-evasion@sorter"][open]').waitFor({ timeout: 2000 });
    await target.locator("table").waitFor({ state: "visible", timeout: 2000 });
  });

  test("says outcome, reason, what carries it, what would change it and what was not tried on the first screen", async () => {
    const page = await opened();
    const bottoms = await page
      .locator(".first > .outcome, .first > .columns > .card")
      .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().bottom));
    expect(bottoms).toHaveLength(4);
    for (const bottom of bottoms) expect(bottom).toBeLessThan(800);
  });

  test("is whole with JavaScript disabled: all words there, no control that does nothing", async () => {
    const [without, whole] = [await opened({ javaScriptEnabled: false }), await opened()];
    const words = (page: Page): Promise<string | null> => page.locator("main").textContent();
    expect(await words(without)).toBe(await words(whole));
    expect(await whole.locator("button:visible, input:visible").count()).toBeGreaterThan(3);
    expect(await without.locator("button:visible, input:visible").count()).toBe(0);
    const fold = without.locator('[id="threat-evasion@sorter"]');
    await fold.locator("summary").click();
    expect(await fold.locator("table").isVisible()).toBe(true);
  });

  test.each([true, false])("shows on paper what is folded on screen, with scripts: %s", async (javaScriptEnabled) => {
    const page = await opened({ javaScriptEnabled, viewport: { width: 688, height: 1000 } });
    const rows = page.locator("details:not([open]) tbody tr");
    const shown = (): Promise<number> =>
      rows.evaluateAll((items) => items.filter((item) => item.checkVisibility()).length);
    const folded = await rows.count();
    expect(folded).toBeGreaterThan(40);
    expect(await shown()).toBe(0);
    await page.emulateMedia({ media: "print" });
    expect(await shown()).toBe(folded);
    expect(await page.locator("nav, .filter, .skip").filter({ visible: true }).count()).toBe(0);
    // The printable width of A4 within our margins is 182 mm = 688 px: no table may be cut there.
    expect(await overflowing(page)).toEqual([]);
  });

  test.each(["light", "dark"] as const)("reads in the %s: contrast of at least 4.5 to 1", async (colorScheme) => {
    const page = await opened({ colorScheme });
    const measured = await contrasts(page, [
      "body",
      "p",
      "td",
      "caption",
      "a",
      "summary",
      "button",
      "code",
      ".soft",
      ".synthetic",
      ".tag.bad",
      ".tag.warn",
      ".tag.good",
      ".tag.mute",
      "svg text",
    ]);
    expect(new Set(measured.map(({ selector }) => selector)).size).toBeGreaterThanOrEqual(14);
    expect(measured.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
    expect(await backgroundOf(page)).toBe(colorScheme === "dark" ? "rgb(20, 22, 26)" : "rgb(251, 250, 247)");
  });

  test("fits a phone of 390 pixels without scrolling sideways", async () => {
    const page = await opened({ viewport: { width: 390, height: 844 } });
    await page.$$eval("details", (folds) => folds.forEach((fold) => (fold.open = true)));
    expect(await page.locator("html").evaluate((root) => root.scrollWidth)).toBe(390);
  });

  test("asked for nothing but itself in all of the above, and the console stayed empty", () => {
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.filter((address) => !/^(file|data):/.test(address))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe.skipIf(NO_BROWSER)("the page of one attacked model in a browser", () => {
  let at: string;
  beforeAll(async () => {
    const { document } = await attacked(resolve("examples/fixtures"), "mlp.onnx", "strokes.npz", {
      samples: 20,
      queries: 40,
      eps: ["4/255", "0.06"],
      expect: { at: ">=", value: 0.7 },
      input: { integer: false, scale: 1 / 255 },
    });
    const file = join(temporary, "attack.html");
    writeFileSync(file, attackReport(document));
    at = pathToFileURL(file).href;
  }, 120_000);

  test("is whole, asks nothing of any network, and complains of nothing", async () => {
    const before = { asked: asked.length, complaints: complaints.length };
    const page = await opened({}, at);
    expect(await page.locator("h1").textContent()).toBe("mlp.onnx");
    expect(await page.locator("svg.bracket").count()).toBe(2);
    expect(await page.locator("svg .floor").count()).toBeGreaterThan(0);
    expect(await page.locator(".legend .certified").count()).toBeGreaterThan(0);
    expect(await page.locator("img").count()).toBeGreaterThan(3);
    expect(
      asked.slice(before.asked).filter((request) => !request.startsWith("file:") && !request.startsWith("data:")),
    ).toEqual([]);
    expect(complaints.slice(before.complaints)).toEqual([]);
    // Every place the contents point to is there.
    const links = await page.locator("nav a").evaluateAll((all) => all.map((link) => link.getAttribute("href")!));
    for (const link of links) expect(await page.locator(link).count()).toBe(1);
  });
  test.each(["light", "dark"] as const)("reads in the %s", async (colorScheme) => {
    const page = await opened({ colorScheme }, at);
    const measured = await contrasts(page, [
      "p",
      "td",
      "summary",
      ".soft",
      ".legend li",
      ".tag.bad",
      ".tag.good",
      "svg .tick",
      "svg .floor-label",
    ]);
    expect(measured.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
  });
  test("fits a phone", async () => {
    const page = await opened({ viewport: { width: 390, height: 800 } }, at);
    const wide = await page.locator("html").evaluate((root) => root.scrollWidth - root.clientWidth);
    expect(wide).toBeLessThanOrEqual(0);
  });
});
