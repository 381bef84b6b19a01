/** Einsum as transposes and matrix products. */
import { attr, rankOf, wrongShape } from "./ir.ts";
import type { Node, Ref } from "./ir.ts";
import type { Writer } from "./writer.ts";

/** A tensor and the letter of each of its axes. */
interface Labelled {
  readonly ref: Ref;
  readonly letters: string;
}

function parsed(node: Node, inputs: readonly Ref[]): { terms: string[]; out: string } {
  const text = attr.string(node, "equation", "").replaceAll(" ", "");
  const [left, right] = text.split("->");
  let terms = (left ?? "").split(",");
  if (terms.length !== inputs.length) throw wrongShape(node, `equation "${text}" for ${inputs.length} inputs`);
  // "…" stands for the axes that have no letter: capitals that the equation does not use.
  const spare = [..."ZYXWVUTSRQPONMLKJIHGFEDCBA"].filter((letter) => !text.includes(letter));
  const hidden = terms.map((term, i) => (term.includes("...") ? rankOf(inputs[i]!) - (term.length - 3) : 0));
  const most = Math.max(0, ...hidden);
  if (hidden.some((count) => count < 0) || most > spare.length)
    throw wrongShape(node, `equation "${text}" does not fit its inputs`);
  const dots = spare.slice(0, most).toReversed().join("");
  terms = terms.map((term, i) => term.replace("...", dots.slice(most - hidden[i]!)));
  const all = terms.join("");
  const out =
    right?.replace("...", dots) ??
    dots +
      [...new Set(all)]
        .filter((letter) => !dots.includes(letter) && all.indexOf(letter) === all.lastIndexOf(letter))
        .toSorted()
        .join("");
  terms.forEach((term, i) => {
    if (term.length !== rankOf(inputs[i]!) || !/^[A-Za-z]*$/.test(term))
      throw wrongShape(node, `term "${term}" of equation "${text}" for an input with ${rankOf(inputs[i]!)} axes`);
    if (new Set(term).size !== term.length) throw wrongShape(node, `a diagonal ("${term}") is not supported`);
  });
  if ([...out].some((letter) => !all.includes(letter)))
    throw wrongShape(node, `equation "${text}" makes an axis of nothing`);
  return { terms, out };
}

const lettersOf = (text: string, keep: (letter: string) => boolean): string => [...text].filter(keep).join("");

/** Sums away the axes whose letters are not kept. */
function summed(g: Writer, x: Labelled, keep: (letter: string) => boolean): Labelled {
  const axes = [...x.letters].flatMap((letter, i) => (keep(letter) ? [] : [i]));
  return { ref: g.sum(x.ref, axes, false), letters: lettersOf(x.letters, keep) };
}

/** The axes in the given order. */
function ordered(g: Writer, x: Labelled, letters: string): Ref {
  const perm = [...letters].map((letter) => x.letters.indexOf(letter));
  return perm.every((p, i) => p === i) ? x.ref : g.transpose(x.ref, perm);
}

/** Reshapes to dims given at each probe; at most one of them varies with the batch. */
function shaped(g: Writer, node: Node, x: Ref, dims: readonly (readonly number[])[]): Ref {
  const varying = dims[0]!.map((dim, i) => dims.some((other) => other[i] !== dim));
  if (varying.filter(Boolean).length > 1) throw wrongShape(node, "the batch is on more than one axis");
  return g.op("Reshape", [x, g.ints(dims[0]!.map((dim, i) => (varying[i] ? -1 : dim)))]);
}

/** One pairwise contraction: letters in both and wanted stay as batch axes, those in both and not wanted are summed over. */
function contracted(g: Writer, node: Node, a: Labelled, b: Labelled, wanted: (letter: string) => boolean): Labelled {
  const shared = lettersOf(a.letters, (letter) => b.letters.includes(letter));
  const batch = lettersOf(shared, wanted),
    inner = lettersOf(shared, (letter) => !wanted(letter));
  const own = lettersOf(a.letters, (letter) => !shared.includes(letter)),
    other = lettersOf(b.letters, (letter) => !shared.includes(letter));
  const length = (probe: number, letter: string): number => {
    const of = (x: Labelled): number => x.ref.at[probe]!.dims[x.letters.indexOf(letter)] ?? 1;
    return Math.max(a.letters.includes(letter) ? of(a) : 1, b.letters.includes(letter) ? of(b) : 1);
  };
  const size = (probe: number, letters: string): number =>
    [...letters].reduce((n, letter) => n * length(probe, letter), 1);
  for (const letter of shared)
    for (const x of [a, b])
      if (x.ref.at.some((known, probe) => known.dims[x.letters.indexOf(letter)] !== length(probe, letter)))
        throw wrongShape(node, `axis "${letter}" has two lengths`);
  const probes = Array.from({ length: g.probes }, (_, i) => i);
  const matrix = (x: Labelled, rows: string, columns: string): Ref =>
    shaped(
      g,
      node,
      ordered(g, x, batch + rows + columns),
      probes.map((p) => [...[...batch].map((letter) => length(p, letter)), size(p, rows), size(p, columns)]),
    );
  const product = g.op("MatMul", [matrix(a, own, inner), matrix(b, inner, other)]);
  const letters = batch + own + other;
  return {
    letters,
    ref: shaped(
      g,
      node,
      product,
      probes.map((p) => [...letters].map((letter) => length(p, letter))),
    ),
  };
}

/** Writes an Einsum as products of pairs, left to right. Throws OnnxError for diagonals. */
export function einsum(g: Writer, node: Node, inputs: readonly (Ref | undefined)[]): readonly Ref[] {
  const given = inputs.map((input) => input!);
  const { terms, out } = parsed(node, given);
  const rest = given.map((ref, i): Labelled => ({ ref, letters: terms[i]! }));
  let result = rest.shift()!;
  const neededLater = (letter: string): boolean =>
    out.includes(letter) || rest.some(({ letters }) => letters.includes(letter));
  while (rest.length > 0) {
    const next = rest.shift()!;
    const a = summed(g, result, (letter) => next.letters.includes(letter) || neededLater(letter));
    const b = summed(g, next, (letter) => a.letters.includes(letter) || neededLater(letter));
    result = contracted(g, node, a, b, neededLater);
  }
  result = summed(g, result, (letter) => out.includes(letter));
  return [ordered(g, result, out)];
}
