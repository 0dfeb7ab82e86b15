import { Empty } from '../components/Empty';

export function TokensTab() {
  return <Empty title="Tokens">This tab is being built.</Empty>;
}
