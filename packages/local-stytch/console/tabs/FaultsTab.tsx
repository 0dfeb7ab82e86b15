import { Empty } from '../components/Empty';

export function FaultsTab() {
  return <Empty title="Faults">This tab is being built.</Empty>;
}
