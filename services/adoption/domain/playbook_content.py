"""Tasks and artifacts of the M3 playbook: its ids and titles of documents, our own words for the tasks.

Source: the M3 key-task and phase pages; 67 tasks, documents by phase (3, 32, 28, 46 and 48), and what the
tasks of phase 5 leave behind.
"""

from __future__ import annotations

# id | workstream | who (c: customer, p: provider, s: both) | what is done
TASKS = """
0.1|program|c|Agree why to modernize, what is in scope, and roughly when
0.2|program|c|Write the business case that the money is asked for with
1.1|program|c|Compare how business is done now with how it should be
1.2|program|c|Set up a first program office with plan, schedule and staff
1.3|program|c|Decide who decides, and how disputes move up
1.4|program|c|Settle how risks and issues are found, logged and handled
1.5|program|c|Estimate what the whole life of the investment costs
1.6|program|c|Measure today's performance and set the figures to reach
1.7|workforce|c|Look at who is affected and how the change will be managed
1.8|workforce|c|List stakeholders and plan what each is told
1.9|technology|c|Draw today's systems and a first picture of the future ones
1.10|technology|c|Plan and make a first check of the quality of the data
1.11|process|c|Describe the future way of working and the services wanted
1.12|process|c|Go through the standard capabilities and note which are needed
1.13|process|c|Look at what the marketplace offers
1.14|process|c|Decide how to buy
2.1|program|s|Compare providers against the needs and choose one
2.2|program|c|Bring the life cycle cost up to date with real offers
2.3|program|c|Watch schedule, staff and spending, and steer
2.4|program|c|Keep the risk log and rate the risks anew
2.5|workforce|c|Plan how the workforce is reached and shaped
2.6|workforce|c|Make the plan for managing change firm
2.7|technology|c|Begin to clean the data
2.8|technology|s|Plan which systems are switched off, and when
2.9|process|c|Understand and confirm how processes run today
3.1|program|s|Join the program offices of customer and provider
3.2|program|s|Join their governance
3.3|program|s|Watch the joint schedule and control changes to it
3.4|program|s|Keep one risk log for both and rate the risks anew
3.5|program|s|Settle how to migrate, and by which criteria to go live
3.6|workforce|c|Work with those whose jobs change
3.7|workforce|c|Carry out the plan for managing change
3.8|workforce|s|Plan the training
3.9|technology|s|Agree the final requirements
3.10|technology|s|Find where requirements and offering differ, and what to do about it
3.11|technology|s|Agree the final picture of the future systems
3.12|technology|s|Decide on testing, configuration, interfaces and recovery
3.13|technology|s|Map and clean data for trial conversions
3.14|process|s|Agree the final way of working
3.15|process|s|Decide who answers users' questions
3.16|process|s|Agree service levels and what follows when they are missed
4.1|program|s|Watch the build and the rollout, and control changes
4.2|program|s|Keep the risk log current and rate the risks anew
4.3|program|s|Decide how the service is governed once it runs
4.4|process|s|Write down the future processes and procedures
4.5|workforce|s|Draw the future organization
4.6|technology|s|Review security and privacy, and get the authorization
4.7|technology|s|Define roles and who gets which access
4.8|technology|s|Configure the system
4.9|technology|s|Design and build interfaces
4.10|technology|s|Design and build reports
4.11|technology|s|Convert data on trial and mend what breaks
4.12|technology|s|Test systems and processes end to end
4.13|workforce|s|Move people into their new work and get them ready
4.14|workforce|s|Train before going live
4.15|workforce|c|Carry out the workforce plan
4.16|program|s|Judge whether all is ready, and decide to go or not
4.17|technology|s|Plan the switch-over and carry it out
5.1|program|s|Compare results with what was promised
5.2|program|s|Collect what was learned
5.3|program|s|Run the governance of the live service
5.4|workforce|s|Help users settle in
5.5|technology|p|Keep the applications running and current
5.6|technology|c|Switch off the replaced systems
5.7|process|s|Go on improving the processes
5.8|process|s|Run the joint contact center
5.9|process|s|Check service levels and adjust them
"""

# phases | document
ARTIFACTS = """
123|Acquisition Strategy
1|As-Is Systems Environment
1|As-Is Workforce Documentation
12|Life Cycle Cost Estimate (LCCE)
1|Baseline and Target Performance Success Metrics
1|Business Capabilities
123|Business Needs Workbook
13|Business Readiness Assessment
1234|Change Management Plan
1234|Change Readiness Assessment
1234|Communications Plan
123|Data Cleansing Plan
1|Data Governance Model
123|Governance Plan
1234|Independent Verification & Validation (IV&V) Plan
12|Initial Master Schedule
01|Investment Readiness Checklist
1234|M3 Risk Assessment Tool
1|Migration and O&M training needs
13|Program Charter
1234|Program Management Plan
01|Project Business Case
13|Quality Assurance Surveillance Plan (QASP)
13|Requirements Management Plan
1234|Resource Management Plan
1234|Risk Management Plan
1234|Risks, Actions, Issues, and Decisions (RAID) Log
123|Stakeholder Analysis
1234|Status Reports/Dashboard
1234|Target State Concept of Operations
13|Target State Systems Environment
134|Workforce Assessment
0|Vision Statement
24|Business Process Reengineering Strategy
2|Cost Estimates
23|Data Cleansing Scripts
234|Decommission Plan
23|Implementation Approach/Schedule
24|Workforce Design Strategy
2|Provider Agreement
2|Provider Assessment Report (Federal Only)
2|Request for Proposal (RFP) (Commercial Only)
2|Validated As-Is Process Maps
34|Change Request Form
34|Change Request Log
34|Configuration Management Plan
3|Contact Center Strategy
3|CooP and Disaster Recovery Plan
34|Data Conversion Plan
3|Documented Data Structure and Mapping
3|Enhancement Strategy
3|Go/No-Go Criteria for Go-Live Assessment
34|Integrated Master Schedule (IMS)
3|Interface Strategy
3|Workforce Strategy
3|Migration Approach, including Technical Strategies
3|Migration Plan
3|Service Level Agreements (SLAs)
3|Requirements Fit-Gap Analysis
34|Requirements Traceability Matrix (RTM)
3|Technical Strategy
34|Test Plan
34|Training Plan
3|Validated and Updated As-Is Systems Environment
4|Baselined List of ID Credentials
4|Configuration Workbooks
4|Contingency Plan
4|Conversion Defect Log
4|Cutover Plan
4|Desk Guides/User Guide
4|Go/No-Go Assessment Report
4|Go/No-Go Readiness Criteria
4|Interface Control Document
4|Mock Conversion Report
4|O&M Governance Plan
4|Privacy Documentation
4|Reports Design Document
4|Security Documentation
4|Standard Operating Procedures
4|Target State Organization Design
4|Target State Process Flows
4|Target State Process Maps
4|Targeted Cutover Communications Plan
4|Test Defect Log
4|Test Results Report
4|Test Scripts
4|Training Evaluations
4|Training Materials
4|Workforce Transition Strategy
5|Final Report on Success Metrics
5|Lessons Learned Report
5|SLA Performance Reports
5|Post Implementation and Evaluation Report
5|Decommission Report
"""
