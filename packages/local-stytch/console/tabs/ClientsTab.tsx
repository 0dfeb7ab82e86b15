import { Empty } from '../components/Empty';

export function ClientsTab() {
  return <Empty title="Clients">This tab is being built.</Empty>;
}
