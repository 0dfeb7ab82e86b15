import { Empty } from '../components/Empty';

export function FlowTab() {
  return <Empty title="Flow">This tab is being built.</Empty>;
}
