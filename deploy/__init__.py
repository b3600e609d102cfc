"""The site on Elastic Beanstalk; docs/deploy.md tells how."""
