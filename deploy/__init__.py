"""Deploys the site to Elastic Beanstalk; see docs/deploy.md."""
