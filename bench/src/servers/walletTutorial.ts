/** The wallet server of the article, with the Express and SDK versions of its time. */
import cors from 'cors';
import express from 'express4';
import helmet from 'helmet';
import morgan from 'morgan';
import { listen } from './listen';
import { authorizeToken } from './tutorialAuthorization';
import { checkBalance } from './wallets';

const app = express();
app.use(helmet());
app.use(cors());
app.use(morgan('dev'));
app.use(express.json());
app.post('/api/check-balance', authorizeToken('read:users'), checkBalance);
listen(app);
