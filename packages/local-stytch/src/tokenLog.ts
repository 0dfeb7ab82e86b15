import type { Changes } from './changes';
import type { ListedToken } from './consoleApi';
import { decodeJwt } from './decodeJwt';
import { cut, maskText } from './mask';

const maxTokens = 500;
/** Of all tokens. A minted one can have 100,000. */
const maxCharacters = 4_000_000;
/** Longer scopes and ids are cut in the list. */
const listedCharacters = 1_000;

/** The last tokens that were issued or minted, whole. Only the explanation of a token reads them. */
export class TokenLog {
  private tokens: { listed: ListedToken; token: string }[] = [];
  private lastId = 0;
  private characters = 0;

  constructor(private readonly changes: Changes) {}

  add(kind: ListedToken['kind'], token: string): void {
    const { sub, scope, exp } = decodeJwt(token).claims ?? {};
    const listed: ListedToken = {
      id: ++this.lastId,
      kind,
      at: new Date().toISOString(),
      client_id: typeof sub === 'string' ? listedText(sub) : null,
      scope: typeof scope === 'string' ? listedText(scope) : '',
      expires_at_seconds: typeof exp === 'number' ? exp : null,
    };
    this.tokens.push({ listed, token });
    this.characters += token.length;
    while (this.tokens.length > maxTokens || this.characters > maxCharacters) {
      this.characters -= this.tokens.shift()?.token.length ?? 0;
    }
    this.changes.token(listed);
  }

  /** Newest first. */
  list(): ListedToken[] {
    return this.tokens.map(({ listed }) => listed).reverse();
  }

  get(id: number): string | undefined {
    return this.tokens.find(({ listed }) => listed.id === id)?.token;
  }

  clear(): void {
    this.tokens = [];
    this.characters = 0;
    this.changes.reset();
  }
}

function listedText(text: string): string {
  return cut(maskText(text), listedCharacters);
}
