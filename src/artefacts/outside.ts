/** A path that leads out of the folder it is read from: absolute, climbing, or an address. */
export const OUTSIDE = /^([/\\~]|[A-Za-z]:)|(^|[/\\])\.\.([/\\]|$)|:\/\//;
