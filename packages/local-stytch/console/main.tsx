import { render } from 'preact';
import './styles.css';
import { App } from './App';
import { connect } from './live';

const root = document.getElementById('app');
if (root) render(<App />, root);
connect();
