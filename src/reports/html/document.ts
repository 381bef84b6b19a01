/** A page around its body: one file, whose content policy refuses every request and every script but its own. */
import { escapeText, type Markup } from "#figures/markup.ts";
import { sha256Base64 } from "./integrity.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";

/** The whole document as UTF-8 text; `page` begins with the body's opening tag. */
export function htmlDocument(title: string, page: Markup): string {
  const policy = `default-src 'none'; img-src data:; style-src 'sha256-${sha256Base64(STYLE)}'; script-src 'sha256-${sha256Base64(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeText(policy)}">
<title>${escapeText(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
${page.text}
<script>${SCRIPT}</script>
</body>
</html>
`;
}
