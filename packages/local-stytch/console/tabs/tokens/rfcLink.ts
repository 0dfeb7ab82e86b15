/**
 * The address of a section of an RFC.
 *
 * @param rfc such as `RFC 7515 §5.2`. Of several sections the first counts.
 * @returns null when the text names no RFC.
 */
export function rfcLink(rfc: string): string | null {
  const [, number, section] = /RFC ?(\d+)(?: §(\d+(?:\.\d+)*))?/.exec(rfc) ?? [];
  if (number === undefined) return null;
  const page = `https://www.rfc-editor.org/rfc/rfc${number}`;
  return section === undefined ? page : `${page}#section-${section}`;
}
