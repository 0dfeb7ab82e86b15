/**
 * Remembers the focused element before a change. When the change has removed it, the returned function moves the focus
 * to the section that it was in, so that a keyboard user does not start again at the top of the page.
 */
export function rememberFocus(): () => void {
  const section = document.activeElement?.closest('section');
  return () => {
    // After the page is drawn.
    window.setTimeout(() => {
      if (document.activeElement !== document.body || !section?.isConnected) return;
      section.tabIndex = -1;
      section.focus();
    });
  };
}
