import { Empty } from '../components/Empty';

export function RequestsTab() {
  return <Empty title="Requests">This tab is being built.</Empty>;
}
