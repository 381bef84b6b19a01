/** What is said to the id of a control that the catalogue does not have, with those it may mean. */
import { nearest } from "#base/diagnostics.ts";

/** As many near ids as a line can hold with their titles. */
const SUGGESTED = 3;

/** `asked` is the option as it was given; nearest id first, then those of the same ten. */
export function unknownControl(
  asked: string,
  id: string,
  controls: readonly { readonly id: string; readonly title: string }[],
): { readonly message: string; readonly hint: string } {
  const wanted = id.trim().toUpperCase();
  const near = nearest(
    wanted,
    controls.map((control) => control.id),
  );
  const ten = /^C-\d/.exec(wanted)?.[0];
  const meant = [
    ...controls.filter((control) => control.id === near),
    ...controls.filter((control) => control.id !== near && ten !== undefined && control.id.startsWith(ten)),
  ].slice(0, SUGGESTED);
  return {
    message: `${asked}: the catalogue has no control "${id}"`,
    hint:
      meant.length > 0
        ? `did you mean ${meant.map((control) => `${control.id} (${control.title})`).join(", ")}?`
        : "controls are named C- and two digits; `vauban explain C-53` shows an entry",
  };
}
